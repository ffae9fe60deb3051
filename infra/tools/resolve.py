"""What a translated template says when its parameters have values and its resources have identifiers."""

import functools
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse

NOTHING = object()

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": NOTHING,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "latchkey",
    "AWS::URLSuffix": "amazonaws.com",
}


@functools.cache
def _parsed(path):
    return yaml_parse(Path(path).read_text(encoding="utf-8"))


class Stack:
    """A template with values. `identifiers` says what a resource is called where that is known:
    {"Targets": {"Ref": "my-table", "Arn": "arn:…"}}; what it leaves out is made up, of the right shape."""

    def __init__(self, template, parameters=None, identifiers=None):
        self.template = template
        self.identifiers = identifiers or {}
        declared = template.get("Parameters", {})
        unknown = set(parameters or {}) - set(declared) - set(PSEUDO)
        if unknown:
            raise KeyError(f"no such parameter: {sorted(unknown)}")
        self.values = {
            **PSEUDO,
            **{name: str(one["Default"]) for name, one in declared.items() if "Default" in one},
            **(parameters or {}),
        }
        missing = set(declared) - set(self.values)
        if missing:
            raise KeyError(f"no value for {sorted(missing)}")

    @classmethod
    def from_file(cls, path, parameters=None, identifiers=None):
        return cls(_parsed(path), parameters, identifiers)

    def resources(self, kind):
        """The logical ids of those that this stack has."""
        return [
            name
            for name, one in self.template["Resources"].items()
            if one["Type"] == kind and ("Condition" not in one or self.condition(one["Condition"]))
        ]

    def properties(self, name):
        return self.resolve(self.template["Resources"][name].get("Properties", {}))

    def condition(self, name):
        return self._holds(self.template["Conditions"][name])

    def _holds(self, of):
        ((kind, said),) = of.items()
        match kind:
            case "Condition":
                return self.condition(said)
            case "Fn::Equals":
                left, right = map(self.resolve, said)
                return left == right
            case "Fn::Not":
                return not self._holds(said[0])
            case "Fn::And":
                return all(map(self._holds, said))
            case "Fn::Or":
                return any(map(self._holds, said))
        raise NotImplementedError(kind)

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((kind, said),) = value.items()
            match kind:
                case "Ref":
                    return self.ref(said)
                case "Fn::GetAtt":
                    name, attribute = said.split(".", 1) if isinstance(said, str) else said
                    return self.attribute(name, attribute)
                case "Fn::Sub":
                    return self._sub(said)
                case "Fn::If":
                    return self.resolve(said[1] if self.condition(said[0]) else said[2])
                case "Fn::Join":
                    return said[0].join(self.resolve(said[1]))
                case "Fn::Split":
                    return self.resolve(said[1]).split(said[0])
                case "Fn::Select":
                    return self.resolve(said[1])[int(said[0])]
            if kind.startswith("Fn::"):
                raise NotImplementedError(kind)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NOTHING}

    def _sub(self, said):
        text, names = (said, {}) if isinstance(said, str) else said

        def one(match):
            name = match[1]
            if name in names:
                return str(self.resolve(names[name]))
            if "." in name:
                return str(self.attribute(*name.split(".", 1)))
            return str(self.ref(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", one, text).replace("${!", "${")

    def ref(self, name):
        if name in self.values:
            return self.values[name]
        known = self.identifiers.get(name, {})
        if "Ref" in known:
            return known["Ref"]
        kind = self.template["Resources"][name]["Type"]
        match kind:
            case "AWS::SecretsManager::Secret":
                return self.attribute(name, "Arn")
            case "AWS::SQS::Queue":
                return self._sub(f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/{self._named(name)}")
            case "AWS::Lambda::Version" | "AWS::Lambda::Alias":
                said = self.template["Resources"][name]["Properties"]
                function = said["FunctionName"]["Ref"]
                return f"{self.attribute(function, 'Arn')}:{said.get('Name', 1)}"
            case "AWS::Logs::LogGroup":
                return self.properties(name)["LogGroupName"]
            case "AWS::ApiGatewayV2::Api":
                return "a1b2c3d4e5"
            case "AWS::S3::Bucket":
                return self._named(name).lower()
        return self._named(name)

    def _named(self, name):
        return f"{self.values['AWS::StackName']}-{name}"

    def attribute(self, name, attribute):
        known = self.identifiers.get(name, {})
        if attribute in known:
            return known[attribute]
        resource = self.template["Resources"][name]
        match resource["Type"], attribute:
            case "AWS::DynamoDB::Table", "Arn":
                return self._arn("dynamodb", f"table/{self.ref(name)}")
            case "AWS::SecretsManager::Secret", "Arn":
                return self._arn("secretsmanager", f"secret:{self._named(name)}-a1B2c3")
            case "AWS::SQS::Queue", "Arn":
                return self._arn("sqs", self.attribute(name, "QueueName"))
            case "AWS::SQS::Queue", "QueueName":
                return self.ref(name).rsplit("/", 1)[1]
            case "AWS::Logs::LogGroup", "Arn":
                return self._arn("logs", f"log-group:{self.ref(name)}:*")
            case "AWS::Lambda::Function", "Arn":
                return self._arn("lambda", f"function:{self.ref(name)}")
            case "AWS::Lambda::Version", "Version":
                return "1"
            case "AWS::AppConfig::HostedConfigurationVersion", "VersionNumber":
                return "1"
            case "AWS::IAM::Role", "Arn":
                return self._sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{self.ref(name)}")
            case "AWS::S3::Bucket", "Arn":
                return self._sub(f"arn:${{AWS::Partition}}:s3:::{self.ref(name)}")
            case "AWS::ApiGatewayV2::Api", "ApiEndpoint":
                return self._sub(f"https://{self.ref(name)}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}")
            case "AWS::BedrockAgentCore::Gateway", "GatewayIdentifier":
                return f"{self.properties(name)['Name'].lower()}-a1b2c3d4e5"
            case "AWS::BedrockAgentCore::Gateway", "GatewayArn":
                return self._arn("bedrock-agentcore", f"gateway/{self.attribute(name, 'GatewayIdentifier')}")
            case "AWS::BedrockAgentCore::Gateway", "GatewayUrl":
                identifier = self.attribute(name, "GatewayIdentifier")
                return self._sub(f"https://{identifier}.gateway.bedrock-agentcore.${{AWS::Region}}.amazonaws.com/mcp")
        raise NotImplementedError(f"{attribute} of {resource['Type']}")

    def _arn(self, service, rest):
        return self._sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
