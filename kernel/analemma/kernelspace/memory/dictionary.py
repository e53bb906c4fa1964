"""The preset dictionary of ``seal``: what nearly every record of a log says.

A record is small, so Deflate has seen too little of it to find repetitions.
With a dictionary (RFC 1950, section 2.2) it starts as if these bytes stood
before every record: the fields of our formats, LangGraph's names, and what
LangChain's messages are made of. The likeliest stand last, where a reference
to them is shortest.

Part of the format: one byte changed here makes every stored record unreadable,
so a change is a new format number and the old dictionary stays.
"""

DICTIONARY = b"".join(
    (
        b"__error__ __interrupt__ __resume__ __scheduled__ __error_source_node__",
        b"__no_writes__ __end__ __return__ __previous__ __pregel_tasks __root__",
        b"langgraph.types Interrupt Command goto resume graph update value ns ",
        b"langgraph.types\xa4Send\x92",
        b"langchain_core.messages.system\xadSystemMessage\x86\xa7content",
        b"langchain_core.messages.tool\xabToolMessage\x89\xa7content",
        b"\xactool_call_id\xa8artifact\xc0\xa6status\xa7success",
        b"langchain_core.messages.human\xacHumanMessage\x86\xa7content",
        b"\xaemodel_provider\xaamodel_name\xadfinish_reason\xa4stop",
        b"\xaaadditional_kwargs_token_details",
        b"\xaaname\xa4args\xa2id\xa4type\xa9tool_call",
        b"\x94\xbalangchain_core.messages.ai\xa9AIMessage\x89\xa7content",
        b"\xb1additional_kwargs\x80\xb1response_metadata\x80\xa4type\xa2ai",
        b"\xa4name\xc0\xa2id\xc0\xaatool_calls\x90\xb2invalid_tool_calls\x90",
        b"\xaeusage_metadata\xc0\x83\xacinput_tokens\xadoutput_tokens",
        b"\xactotal_tokens\xb3model_validate_json",
        b"source\xa5input\xa4loop\xa6update\xa4fork\xa7parents\x80",
        b"msgpack\xa5bytes\xa4null\xa3\xc4 workflow writer at run_id ",
        b"__start__ __input__ __pregel_pull, __pregel_push, branch:to:",
        b"\xa4kind\xa6writes\xa4task\xa4path\xb1~__pregel_pull, \xa4rows\x93",
        b"\xa4kind\xaacheckpoint\xa2id\xc4\x10\xa4hash\xc4\x20\xa2of\xa6parent",
        b"\xabparent_hash\xc4\x20\xa5frame\x81\xa2in\x82\xa3set\x82\xa2at\xcf",
        b"\xaacheckpoint\x81\xa2in\x82\xb0channel_versions\x81\xa3set\x82",
        b"\xadversions_seen\x81\xa2in\x81\xb0updated_channels\x92",
        b"\xa8metadata\x81\xa3set\x81\xa4step\xa8channels\x82\xa3cut\x91",
        b"\xa2in\x81\xa8messages\x82\xa2in\x81\xa10\x92\xa3set\x81\xa1n",
        b"\xa4lone\x94\xa5pages\x91\xc5",
    )
)
