"""What the stand-in for the control plane refuses, and what becomes of what it takes."""

import json
import unittest

from control_plane import UNLISTED, UNSUPPORTED, ControlPlane
from listing import NotListed
from model import Misfit

GATEWAY = {
    "name": "house", "roleArn": "arn:aws:iam::000000000000:role/house", "authorizerType": "CUSTOM_JWT", "protocolType": "MCP",
    "authorizerConfiguration": {"customJWTAuthorizer": {"discoveryUrl": "https://idp.example/.well-known/openid-configuration"}},
}
TOOLS = json.dumps({"tools": [{"name": "search", "inputSchema": {"type": "object"}}]})


def target(name="notes", endpoint="https://notes.example/mcp", schema=TOOLS, **more):
    server = {"endpoint": endpoint} | ({"mcpToolSchema": {"inlinePayload": schema}} if schema else {})
    return {"name": name, "targetConfiguration": {"mcp": {"mcpServer": server}}} | more


def protected(endpoint, token):
    if token != "a token":
        raise NotListed("HTTP 401")
    return [{"name": "search", "inputSchema": {}}]


class ControlPlaneTest(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane("000000000000", "us-east-1", protected, {"s3://bucket/tools.json": TOOLS}.get)
        self.gateway = f"/gateways/{self.asked('POST', '/gateways/', GATEWAY)['gatewayId']}/"
        self.settled(self.gateway)

    def asked(self, method, path, body=None, query=None):
        _, status, error, shown = self.plane.handle(method, path, query or {}, body or {})
        self.assertIsNone(error, shown)
        self.assertLess(status, 300)
        return shown

    def refused(self, error, method, path, body=None, query=None):
        _, status, found, shown = self.plane.handle(method, path, query or {}, body or {})
        self.assertEqual(found, error, shown)
        self.assertGreaterEqual(status, 400)
        return shown["message"]

    def settled(self, path):
        for _ in range(9):
            shown = self.asked("GET", path)
            if not shown["status"].endswith("ING"):
                return shown
        raise AssertionError(shown)

    def created(self, body):
        return f"{self.gateway}targets/{self.asked('POST', self.gateway + 'targets/', body)['targetId']}/"

    def test_a_request_that_is_not_of_the_models_shape_is_refused(self):
        for wrong in (
            target(name="under_score"),
            target(name=""),
            target(endpoint="http://notes.example/mcp"),
            target(colour="red"),
            target(credentialProviderConfigurations=[]),
            target(clientToken="short"),
            target(gatewayIdentifier="house-a1b2c3d4e5"),
            {"name": "notes"},
            {"name": "notes", "targetConfiguration": {}},
            {"name": "notes", "targetConfiguration": {"mcp": {"mcpServer": {}}}},
            {"name": "notes", "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example", "listingMode": "SOMETIMES"}}}},
            {"name": "notes", "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example", "resourcePriority": 1001}}}},
            {"name": "notes", "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example", "mcpToolSchema": {"inlinePayload": TOOLS, "s3": {}}}}}},
            target(metadataConfiguration={"allowedRequestHeaders": [f"x-{place}" for place in range(11)]}),
        ):
            self.refused("ValidationException", "POST", self.gateway + "targets/", wrong)
        self.refused("ValidationException", "GET", self.gateway + "targets/", query={"maxResults": "1001"})
        self.refused("ValidationException", "GET", self.gateway + "targets/", query={"colour": "red"})
        self.refused("ValidationException", "GET", "/gateways/NO/")
        for nothing in ("/gateways/house-a1b2c3d4e5/target/", "/gateways/house-a1b2c3d4e5/targets/T/more", "/elsewhere"):
            with self.assertRaises(Misfit):
                self.plane.handle("GET", nothing, {}, {})

    def test_an_operation_is_done_after_some_polls_and_until_then_nothing_else_may_begin(self):
        self.plane.polls = 3
        path = self.created(target())
        self.refused("ConflictException", "PUT", path, target())
        self.refused("ConflictException", "DELETE", path)
        self.assertEqual([self.asked("GET", path)["status"] for _ in range(3)], ["CREATING", "CREATING", "READY"])
        self.assertEqual(self.asked("PUT", path, target())["status"], "UPDATING")
        self.settled(path)
        self.asked("DELETE", path)
        self.assertEqual([self.asked("GET", path)["status"] for _ in range(2)], ["DELETING", "DELETING"])
        self.refused("ResourceNotFoundException", "GET", path)
        self.assertEqual(self.asked("GET", self.gateway + "targets/")["items"], [])

    def test_an_update_replaces_all_that_was_there(self):
        path = self.created(target(description="before", metadataConfiguration={"allowedRequestHeaders": ["x-a"]}))
        self.settled(path)
        self.asked("PUT", path, target())
        self.assertEqual({"description", "metadataConfiguration"} & self.settled(path).keys(), set())
        interceptor = {"interceptor": {"lambda": {"arn": "arn:aws:lambda:us-east-1:000000000000:function:it"}}, "interceptionPoints": ["REQUEST"]}
        self.asked("PUT", self.gateway, GATEWAY | {"interceptorConfigurations": [interceptor]})
        self.assertIn("interceptorConfigurations", self.settled(self.gateway))
        self.asked("PUT", self.gateway, GATEWAY)
        self.assertNotIn("interceptorConfigurations", self.settled(self.gateway))
        self.refused("ValidationException", "PUT", self.gateway, GATEWAY | {"interceptorConfigurations": [interceptor, interceptor]})

    def test_without_a_list_of_tools_the_server_is_asked_and_nobody_has_a_users_token(self):
        path = self.created(target(schema=None))
        found = self.settled(path)
        self.assertEqual((found["status"], found["statusReasons"]), ("FAILED", [UNLISTED + "HTTP 401"]))
        self.assertIsNone(self.plane.inside()[self.gateway.split("/")[2]]["targets"][0]["tools"])
        provider = "arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/oauth2credentialprovider/machine"
        self.plane.tokens[provider] = "a token"
        oauth = {"credentialProviderType": "OAUTH", "credentialProvider": {"oauthCredentialProvider": {"providerArn": provider, "scopes": []}}}
        self.asked("PUT", path, target(schema=None, credentialProviderConfigurations=[oauth]))
        self.assertEqual(self.settled(path)["status"], "READY")

    def test_a_list_of_tools_is_one_or_is_refused(self):
        many = {"tools": [{"name": f"t{place}", "inputSchema": {}} for place in range(1001)]}
        for wrong in ("", "[]", "{}", '{"tools":[{"name":"search"}]}', '{"tools":[{"name":"a","inputSchema":{}},{"name":"a","inputSchema":{}}]}', json.dumps(many), TOOLS + " " * 1024 * 1024):
            self.refused("ValidationException", "POST", self.gateway + "targets/", target(schema=wrong or " "))
        stored = {"mcp": {"mcpServer": {"endpoint": "https://notes.example/mcp", "mcpToolSchema": {"s3": {"uri": "s3://bucket/tools.json"}}}}}
        self.settled(self.created(target(targetConfiguration=stored)))
        stored["mcp"]["mcpServer"]["mcpToolSchema"]["s3"]["uri"] = "s3://bucket/nothing.json"
        self.refused("ValidationException", "POST", self.gateway + "targets/", target(name="other", targetConfiguration=stored))

    def test_a_name_is_given_once_and_five_operations_go_at_once(self):
        for place in range(5):
            self.created(target(f"t{place}"))
        self.refused("ConflictException", "POST", self.gateway + "targets/", target("t5"))
        while any(one["status"] == "CREATING" for one in self.asked("GET", self.gateway + "targets/")["items"]):
            pass
        self.refused("ConflictException", "POST", self.gateway + "targets/", target("t0"))
        first = self.asked("GET", self.gateway + "targets/", query={"maxResults": "3"})
        rest = self.asked("GET", self.gateway + "targets/", query={"maxResults": "3", "nextToken": first["nextToken"]})
        self.assertEqual([one["name"] for one in first["items"] + rest["items"]], [f"t{place}" for place in range(5)])
        self.assertNotIn("nextToken", rest)

    def test_who_asks_again_with_the_same_token_has_asked_once(self):
        token = "a" * 33
        answers = [self.asked("POST", self.gateway + "targets/", target(clientToken=token)) for _ in range(2)]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(len(self.asked("GET", self.gateway + "targets/")["items"]), 1)
        self.refused("ValidationException", "POST", self.gateway + "targets/", target("other", clientToken=token))

    def test_what_is_ordered_to_fail_fails_so_often(self):
        self.plane.order("CreateGatewayTarget", error="ThrottlingException", times=2)
        for _ in range(2):
            self.refused("ThrottlingException", "POST", self.gateway + "targets/", target())
        self.plane.order("static")
        self.assertEqual(self.refused("ValidationException", "POST", self.gateway + "targets/", target()), UNSUPPORTED)
        self.plane.order("static", reasons=["not today"])
        found = self.settled(self.created(target()))
        self.assertEqual((found["status"], found["statusReasons"]), ("FAILED", ["not today"]))


if __name__ == "__main__":
    unittest.main()
