from analemma_platform.stack import main

main()
