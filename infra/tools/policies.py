"""Says what the roles of a translated template may do, as IAM decides it for identity policies."""

import re

from resolve import Stack

EXACT = {"StringEquals", "ArnEquals"}
PATTERN = {"StringLike", "ArnLike"}
# They hold where there is no such key as well.
OF_ALL = {"ForAllValues:StringLike"}


class Policies:
    """The policies of each function's role, and of each other role, under their logical ids.

        policies = Policies.from_template("translated.yaml", {"IdpIssuer": "https://idp.example.com"})
        policies.allows("Authorize", "dynamodb:PutItem", policies.stack.attribute("Pending", "Arn"))

    `identifiers` is as in `Stack`: the names under which another account keeps the resources.
    """

    def __init__(self, stack):
        self.stack = stack
        self._statements = {}
        for role in stack.resources("AWS::IAM::Role"):
            self._statements[role] = list(_statements(role, stack.properties(role)))
        for function in stack.resources("AWS::Lambda::Function"):
            role = stack.template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"]
            role = role.split(".")[0] if isinstance(role, str) else role[0]
            self._statements[function] = self._statements[role]

    @classmethod
    def from_template(cls, path, parameters=None, identifiers=None):
        return cls(Stack.from_file(path, parameters, identifiers))

    @property
    def functions(self):
        return self.stack.resources("AWS::Lambda::Function")

    def environment(self, function):
        """The environment variables that the template gives to a function."""
        said = self.stack.properties(function).get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in said.items()}

    def statements(self, function):
        """The statements of its role, without anything to resolve."""
        return self._statements[function]

    def allows(self, function, action, resource, context=None):
        """Whether the function, or role, may do it there. `context` holds condition keys: {"kms:ViaService": "…"}."""
        applying = [one for one in self._statements[function] if _applies(one, action, resource, context or {})]
        effects = {one["Effect"] for one in applying}
        return "Allow" in effects and "Deny" not in effects


def _statements(role, properties):
    managed = properties.get("ManagedPolicyArns")
    if managed:
        raise NotImplementedError(f"{role} has {managed}, whose text is not in the template")
    for policy in properties.get("Policies", []):
        for statement in _list(policy["PolicyDocument"]["Statement"]):
            unknown = set(statement) - {"Action", "Condition", "Effect", "Resource", "Sid"}
            if unknown or statement["Effect"] not in ("Allow", "Deny"):
                raise NotImplementedError(f"{role}: {statement}")
            yield statement


def _applies(statement, action, resource, context):
    return (
        any(_matches(one, action, re.IGNORECASE) for one in _list(statement["Action"]))
        and any(_matches(one, resource) for one in _list(statement["Resource"]))
        and all(_holds(operator, keys, context) for operator, keys in statement.get("Condition", {}).items())
    )


def _holds(operator, keys, context):
    if operator not in EXACT | PATTERN | OF_ALL:
        raise NotImplementedError(operator)
    # The names of condition keys know no case; their values do.
    context = {key.lower(): value for key, value in context.items()}
    for key, wanted in keys.items():
        found = context.get(key.lower())
        equal = str.__eq__ if operator in EXACT else _matches
        if found is None and operator in OF_ALL:
            continue
        if found is None or not any(equal(one, found) for one in _list(wanted)):
            return False
    return True


def _matches(pattern, text, flags=0):
    literal = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern)
    return re.fullmatch(literal, text, flags | re.DOTALL) is not None


def _list(value):
    return value if isinstance(value, list) else [value]
