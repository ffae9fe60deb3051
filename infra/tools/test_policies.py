"""What each role may do, of all that there is to be done: exactly its own calls."""

import itertools
import os
import unittest

from policies import Policies

REGION = "us-east-1"
NEEDED = {"IdpIssuer": "https://idp.example.com", "IdpClientId": "browser", "IdpAudiences": "gateway"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234"
SIGN_IN_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:sign-in-a1B2c3"
OAUTH_PROVIDER = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/oauth2credentialprovider/list"
KEY_PROVIDER = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/none"
GATEWAY = {"GatewayName": "tools"}

TABLES = ("Targets", "Pending", "Connections")
ON_TABLES = [
    f"dynamodb:{one}"
    for one in ("BatchGetItem", "BatchWriteItem", "DeleteItem", "DeleteTable", "GetItem", "PutItem", "Query", "Scan", "UpdateItem", "UpdateTable")
]
ON_SECRETS = [
    f"secretsmanager:{one}"
    for one in ("CreateSecret", "DeleteSecret", "GetSecretValue", "PutResourcePolicy", "PutSecretValue", "UpdateSecret")
]
ON_QUEUES = [
    f"sqs:{one}"
    for one in ("ChangeMessageVisibility", "DeleteMessage", "DeleteQueue", "GetQueueAttributes", "PurgeQueue", "ReceiveMessage", "SendMessage")
]
ON_GATEWAYS = [
    f"bedrock-agentcore:{one}"
    for one in (
        "CreateGatewayTarget",
        "DeleteGateway",
        "DeleteGatewayTarget",
        "GetGateway",
        "GetGatewayTarget",
        "ListGatewayTargets",
        "SynchronizeGatewayTargets",
        "UpdateGateway",
        "UpdateGatewayTarget",
    )
]
ON_BUCKETS = [f"s3:{one}" for one in ("DeleteObject", "GetObject", "PutBucketPolicy", "PutObject")]
ON_KEYS = [
    f"kms:{one}"
    for one in ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "PutKeyPolicy", "ReEncryptTo", "ScheduleKeyDeletion")
]
KEY_IN_USE = {f"kms:{one}" for one in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptTo")}


def calls(text):
    """Lines of `RESOURCE action action`."""
    return {
        (action, line.split()[0])
        for line in text.strip().splitlines()
        for action in line.split()[1:]
    }


# Every call that a function makes, under the names of `Account.resources`.
MADE = {
    "Interceptor": calls("""
        Targets             dynamodb:Scan
        Pending             dynamodb:GetItem dynamodb:PutItem
        Connections         dynamodb:GetItem dynamodb:UpdateItem
        BrowserKeys         secretsmanager:GetSecretValue
        TokenKeys           secretsmanager:GetSecretValue
        client-secret       secretsmanager:GetSecretValue
    """),
    "Authorize": calls("""
        Targets             dynamodb:GetItem
        Pending             dynamodb:PutItem
        Connections         dynamodb:GetItem
        BrowserKeys         secretsmanager:GetSecretValue
    """),
    "Callback": calls("""
        Targets             dynamodb:GetItem
        Pending             dynamodb:DeleteItem
        Connections         dynamodb:UpdateItem
        BrowserKeys         secretsmanager:GetSecretValue
        TokenKeys           secretsmanager:GetSecretValue
        client-secret       secretsmanager:GetSecretValue
        CatalogQueue        sqs:SendMessage
    """),
    "ConnectionsPage": calls("""
        Targets             dynamodb:GetItem dynamodb:Scan
        Connections         dynamodb:Query dynamodb:UpdateItem
        BrowserKeys         secretsmanager:GetSecretValue
        TokenKeys           secretsmanager:GetSecretValue
        client-secret       secretsmanager:GetSecretValue
    """),
    "Refresh": calls("""
        Targets             dynamodb:Scan
        Connections         dynamodb:GetItem dynamodb:UpdateItem
        due                 dynamodb:Query
        TokenKeys           secretsmanager:GetSecretValue
        client-secret       secretsmanager:GetSecretValue
        DueQueue            sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage sqs:SendMessage
    """),
    "Catalog": calls("""
        Targets             dynamodb:GetItem dynamodb:Scan dynamodb:UpdateItem
        Connections         dynamodb:GetItem dynamodb:UpdateItem
        TokenKeys           secretsmanager:GetSecretValue
        client-secret       secretsmanager:GetSecretValue
        CatalogQueue        sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage
    """),
    "SweepRole": {("lambda:InvokeFunction", "Refresh:live")},
}
# With a gateway, a new one or the operator's.
MADE_WITH_GATEWAY = {
    "Catalog": calls("""
        gateway             bedrock-agentcore:CreateGatewayTarget bedrock-agentcore:DeleteGatewayTarget
        gateway             bedrock-agentcore:GetGatewayTarget
        gateway             bedrock-agentcore:ListGatewayTargets bedrock-agentcore:UpdateGatewayTarget
        list-of-tools       s3:GetObject s3:PutObject
    """),
    "CatalogScheduleRole": {("lambda:InvokeFunction", "Catalog:live")},
    "GatewayRole": {("lambda:InvokeFunction", "Interceptor:live"), ("lambda:InvokeFunction", "Interceptor"), ("s3:GetObject", "list-of-tools")},
}


class Account:
    """A deployment, and all that there is in its account to be reached for."""

    def __init__(self, **parameters):
        self.policies = Policies.from_template(os.environ["TRANSLATED"], {**NEEDED, **parameters})
        stack = self.policies.stack
        self.resources = {name: stack.attribute(name, "Arn") for name in TABLES}
        self.resources["due"] = f"{self.resources['Connections']}/index/due"
        for ring in ("BrowserKeys", "TokenKeys"):
            self.resources[ring] = stack.ref(ring)
        for queue in ("CatalogQueue", "DeadLetters", "DueQueue"):
            self.resources[queue] = stack.attribute(queue, "Arn")
        for function in self.policies.functions:
            arn = stack.attribute(function, "Arn")
            self.resources |= {function: arn, f"{function}:live": f"{arn}:live", f"{function}:1": f"{arn}:1"}
        secret = f"arn:aws:secretsmanager:{REGION}:123456789012:secret"
        gateway = f"arn:aws:bedrock-agentcore:{REGION}:123456789012:gateway"
        self.resources |= {
            "client-secret": f"{secret}:latchkey/latchkey/github-a1B2c3",
            "client-secret of another deployment": f"{secret}:latchkey/other/github-a1B2c3",
            "another secret": f"{secret}:payroll-a1B2c3",
            "sign-in secret": SIGN_IN_SECRET,
            "another table": f"arn:aws:dynamodb:{REGION}:123456789012:table/payroll",
            "another queue": f"arn:aws:sqs:{REGION}:123456789012:payroll",
            "another function": f"arn:aws:lambda:{REGION}:123456789012:function:payroll",
            "gateway": f"{gateway}/{parameters.get('GatewayId', 'tools-a1b2c3d4e5')}",
            "another gateway": f"{gateway}/other-a1b2c3d4e5",
            "list-of-tools": f"{stack.attribute('SchemaBucket', 'Arn')}/github.json",
            "another bucket's": "arn:aws:s3:::payroll/people.json",
        }

    def everything(self):
        """Every action on every resource that it could be asked for."""
        for name, arn in self.resources.items():
            service = arn.split(":")[2]
            actions = {
                "bedrock-agentcore": ON_GATEWAYS,
                "dynamodb": ON_TABLES,
                "lambda": ["lambda:InvokeFunction", "lambda:UpdateFunctionCode"],
                "s3": ON_BUCKETS,
                "secretsmanager": ON_SECRETS,
                "sqs": ON_QUEUES,
            }[service]
            yield from itertools.product(actions, [name])

    def allowed(self, role):
        return {(action, name) for action, name in self.everything() if self.policies.allows(role, action, self.resources[name])}


def made(*tables):
    return {role: set().union(*(table.get(role, set()) for table in tables)) for table in tables for role in table}


class Roles(unittest.TestCase):
    maxDiff = None

    def assert_exactly(self, account, expected):
        for role, wanted in expected.items():
            with self.subTest(role=role):
                self.assertEqual(account.allowed(role), wanted)
        roles = set(account.policies.stack.resources("AWS::IAM::Role"))
        told = {role if role.endswith("Role") else f"{role}Role" for role in expected}
        self.assertEqual(roles, told, "every role is in the table")

    def test_each_function_may_make_its_own_calls_and_no_other(self):
        self.assert_exactly(Account(), MADE)

    def test_with_a_new_gateway_the_catalog_keeps_its_targets_and_no_other_gateways(self):
        self.assert_exactly(Account(**GATEWAY), made(MADE, MADE_WITH_GATEWAY))

    def test_with_a_given_gateway_the_catalog_keeps_its_targets_and_no_role_of_it_is_made(self):
        expected = made(MADE, MADE_WITH_GATEWAY)
        del expected["GatewayRole"]
        self.assert_exactly(Account(GatewayId="mine-a1b2c3d4e5"), expected)

    def test_the_secret_of_browser_sign_in_is_read_by_the_callback_only(self):
        with_secret = {"Callback": {("secretsmanager:GetSecretValue", "sign-in secret")}}
        self.assert_exactly(Account(IdpClientSecretArn=SIGN_IN_SECRET), made(MADE, with_secret))

    def test_the_interceptor_reaches_what_is_published_and_not_what_people_were_asked(self):
        account = Account()
        for key, reached in (("published.5l8X", True), ("5l8X", False), ("published", False), ("", False)):
            context = {"dynamodb:LeadingKeys": key}
            for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
                allowed = account.policies.allows("Interceptor", action, account.resources["Pending"], context)
                self.assertEqual(allowed, reached, (action, key))

    def test_a_key_of_ones_own_changes_nothing_else(self):
        self.assert_exactly(Account(KeyArn=KEY, **GATEWAY), made(MADE, MADE_WITH_GATEWAY))

    def test_a_key_of_ones_own_is_used_through_the_tables_and_secrets_only(self):
        through = [{"kms:ViaService": f"{service}.{REGION}.amazonaws.com"} for service in ("dynamodb", "secretsmanager")]
        elsewhere = [{}, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}, {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}]
        with_key, without = Account(KeyArn=KEY).policies, Account().policies
        for function, action in itertools.product(with_key.functions, ON_KEYS):
            with self.subTest(function=function, action=action):
                for context in through:
                    self.assertEqual(with_key.allows(function, action, KEY, context), action in KEY_IN_USE)
                    self.assertFalse(with_key.allows(function, action, f"{KEY}5", context))
                    self.assertFalse(without.allows(function, action, KEY, context))
                for context in elsewhere:
                    self.assertFalse(with_key.allows(function, action, KEY, context))

    def test_each_function_writes_its_own_log_and_no_other(self):
        policies = Account(**GATEWAY).policies
        groups = {f"{one}Logs": policies.stack.attribute(f"{one}Logs", "Arn") for one in policies.functions}
        groups["AccessLogs"] = policies.stack.attribute("AccessLogs", "Arn")
        for function, (name, group) in itertools.product(policies.functions, groups.items()):
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                stream = group.removesuffix("*") + "log-stream:2026"
                self.assertEqual(policies.allows(function, action, stream), name == f"{function}Logs", (function, name))
            self.assertFalse(policies.allows(function, "logs:CreateLogGroup", group))

    def test_a_trace_is_written_only_where_tracing_is_on(self):
        for tracing in ("Active", "PassThrough"):
            policies = Account(Tracing=tracing).policies
            for function in policies.functions:
                self.assertEqual(policies.allows(function, "xray:PutTraceSegments", "*"), tracing == "Active")

    def test_interfaces_in_a_vpc_are_made_only_where_there_is_one(self):
        for vpc in ({}, {"SubnetIds": "subnet-0a1b2c3d", "SecurityGroupIds": "sg-0a1b2c3d"}):
            policies = Account(**vpc).policies
            for function in policies.functions:
                self.assertEqual(policies.allows(function, "ec2:CreateNetworkInterface", "*"), bool(vpc))
                self.assertFalse(policies.allows(function, "ec2:AuthorizeSecurityGroupIngress", "*"))

    def test_a_gateway_uses_the_providers_that_it_is_given(self):
        account = Account(ClientCredentialsProviderArn=OAUTH_PROVIDER, PlaceholderProviderArn=KEY_PROVIDER, **GATEWAY)
        base = f"arn:aws:bedrock-agentcore:{REGION}:123456789012"
        secret = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:bedrock-agentcore-identity!default"
        wanted = [
            ("bedrock-agentcore:GetWorkloadAccessToken", f"{base}:workload-identity-directory/default/workload-identity/tools-a1b2"),
            ("bedrock-agentcore:GetResourceOauth2Token", OAUTH_PROVIDER),
            ("bedrock-agentcore:GetResourceApiKey", KEY_PROVIDER),
            ("secretsmanager:GetSecretValue", f"{secret}/oauth2/list-a1B2c3"),
            ("secretsmanager:GetSecretValue", f"{secret}/apikey/none-a1B2c3"),
        ]
        refused = [
            ("bedrock-agentcore:GetWorkloadAccessToken", f"{base}:workload-identity-directory/default/workload-identity/other"),
            ("bedrock-agentcore:GetResourceOauth2Token", OAUTH_PROVIDER.replace("/list", "/other")),
            ("bedrock-agentcore:GetResourceApiKey", KEY_PROVIDER.replace("/none", "/other")),
            ("secretsmanager:GetSecretValue", f"{secret}/oauth2/other-a1B2c3"),
            ("secretsmanager:GetSecretValue", f"{secret}/apikey/list-a1B2c3"),
        ]
        plain = Account(**GATEWAY).policies
        for action, resource in wanted:
            self.assertTrue(account.policies.allows("GatewayRole", action, resource), (action, resource))
            self.assertFalse(plain.allows("GatewayRole", action, resource), (action, resource))
        for action, resource in refused:
            self.assertFalse(account.policies.allows("GatewayRole", action, resource), (action, resource))
        self.assert_exactly(account, made(MADE, MADE_WITH_GATEWAY))

    def test_no_role_may_do_something_everywhere_but_trace(self):
        policies = Account(Tracing="Active", KeyArn=KEY, ClientCredentialsProviderArn=OAUTH_PROVIDER, **GATEWAY).policies
        for role in policies.stack.resources("AWS::IAM::Role"):
            for statement in policies.statements(role):
                actions, resources = ([one] if isinstance(one, str) else one for one in (statement["Action"], statement["Resource"]))
                if "*" in resources:
                    self.assertEqual(sorted(actions), ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], role)
                for resource in resources:
                    self.assertTrue(resource == "*" or resource.startswith("arn:aws:"), resource)
                for action in actions:
                    self.assertNotIn("*", action)


class Evaluation(unittest.TestCase):
    """The judge itself, so that what it lets pass means something."""

    def judge(self, *statements):
        role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {"Statement": list(statements)}}]}}
        from resolve import Stack

        return Policies(Stack({"Resources": {"R": role}}))

    def test_nothing_is_allowed_that_is_not_said(self):
        self.assertFalse(self.judge().allows("R", "s3:GetObject", "arn:aws:s3:::a"))

    def test_what_is_denied_is_denied_though_it_is_allowed(self):
        allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        deny = {"Effect": "Deny", "Action": "s3:Get*", "Resource": "arn:aws:s3:::secret/*"}
        judge = self.judge(allow, deny)
        self.assertTrue(judge.allows("R", "s3:GetObject", "arn:aws:s3:::open/a"))
        self.assertFalse(judge.allows("R", "s3:GetObject", "arn:aws:s3:::secret/a"))

    def test_actions_know_no_case_and_resources_do(self):
        judge = self.judge({"Effect": "Allow", "Action": "S3:getobject", "Resource": "arn:aws:s3:::A?"})
        self.assertTrue(judge.allows("R", "s3:GetObject", "arn:aws:s3:::Ab"))
        self.assertFalse(judge.allows("R", "s3:GetObject", "arn:aws:s3:::ab"))
        self.assertFalse(judge.allows("R", "s3:GetObject", "arn:aws:s3:::A"))
        self.assertFalse(judge.allows("R", "s3:GetObjectAcl", "arn:aws:s3:::Ab"))

    def test_every_key_of_a_condition_must_hold(self):
        condition = {"StringEquals": {"a:b": ["1", "2"]}, "ArnLike": {"c:d": "arn:*:x"}}
        judge = self.judge({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition})
        allows = lambda context: judge.allows("R", "s3:GetObject", "arn:aws:s3:::a", context)
        self.assertTrue(allows({"A:b": "2", "c:d": "arn:y:x"}))
        for context in ({}, {"a:b": "2"}, {"a:b": "3", "c:d": "arn:y:x"}, {"a:b": "*", "c:d": "arn:y:x"}):
            self.assertFalse(allows(context), context)

    def test_a_condition_of_all_values_holds_where_there_is_none(self):
        condition = {"ForAllValues:StringLike": {"a:b": "x.*"}}
        judge = self.judge({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition})
        allows = lambda context: judge.allows("R", "s3:GetObject", "arn:aws:s3:::a", context)
        self.assertTrue(allows({}) and allows({"A:b": "x.y"}))
        self.assertFalse(allows({"a:b": "y"}))

    def test_what_is_not_understood_is_no_policy(self):
        for strange in (
            {"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::a"},
        ):
            with self.assertRaises(NotImplementedError):
                self.judge(strange)
        odd = self.judge({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"NumericLessThan": {"a:b": "1"}}})
        with self.assertRaises(NotImplementedError):
            odd.allows("R", "s3:GetObject", "arn:aws:s3:::a")


if __name__ == "__main__":
    unittest.main()
