"""What a gateway does without a user: it lists the tools of an MCP server."""

import json

import urllib3


class NotListed(Exception):
    """Why there is no list."""


def read_tools(result):
    """The tools in a result of `tools/list`, if it is one that a gateway takes."""
    tools = result.get("tools") if isinstance(result, dict) else None
    if not isinstance(tools, list):
        raise NotListed("there is no list of tools")
    if len(tools) > 1000:
        raise NotListed("a target has 1000 tools at most")
    for tool in tools:
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not isinstance(tool.get("inputSchema"), dict):
            raise NotListed("a tool has a name and an inputSchema")
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise NotListed("two tools have one name")
    return tools


def list_tools(endpoint, token, roots):
    """Asks the server at `endpoint`, at revision 2025-11-25, with a token or without."""
    http = urllib3.PoolManager(ca_certs=roots, retries=False, timeout=10)
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if token:
        headers["authorization"] = f"Bearer {token}"

    def ask(message):
        try:
            answer = http.request("POST", endpoint, headers=headers, body=json.dumps({"jsonrpc": "2.0"} | message))
        except urllib3.exceptions.HTTPError as error:
            raise NotListed(type(error).__name__) from error
        if answer.status >= 300:
            raise NotListed(f"HTTP {answer.status}")
        if session := answer.headers.get("mcp-session-id"):
            headers["mcp-session-id"] = session
        return answer

    def result(answer):
        text = answer.data.decode()
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            text = next((line[5:] for line in text.splitlines() if line.startswith("data:")), "null")
        try:
            return json.loads(text)["result"]
        except (ValueError, TypeError, KeyError) as error:
            raise NotListed("the answer is no result") from error

    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "gateway", "version": "1"}}
    spoken = result(ask({"id": 1, "method": "initialize", "params": hello}))["protocolVersion"]
    headers["mcp-protocol-version"] = spoken
    ask({"method": "notifications/initialized"})
    tools, cursor = [], None
    while True:
        page = result(ask({"id": 2, "method": "tools/list", "params": {"cursor": cursor} if cursor else {}}))
        tools += page.get("tools", [])
        cursor = page.get("nextCursor")
        if not cursor:
            return read_tools({"tools": tools})
