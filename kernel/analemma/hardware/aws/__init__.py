"""The AWS adapters: DynamoDB for records, S3 for pages, boto3 below both."""
