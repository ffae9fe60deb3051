"""A service's own model, as botocore brings it: which operation a request means, and whether what is sent fits its shape."""

import re
from datetime import datetime
from urllib.parse import unquote

from botocore.loaders import Loader


class Misfit(Exception):
    """What does not fit its shape, and where."""


class Model:
    """The REST JSON model of one service."""

    def __init__(self, service):
        self.description = Loader().load_service_model(service, "service-2")
        self.shapes = self.description["shapes"]
        self.routes = [(name, http["method"], _pattern(http["requestUri"])) for name, http in self._bindings()]

    def _bindings(self):
        return ((name, operation["http"]) for name, operation in self.description["operations"].items())

    def operation(self, method, path):
        """The operation that a request means, and the values in its path."""
        for name, wanted, pattern in self.routes:
            found = pattern.fullmatch(path)
            if found and wanted == method:
                return name, {key: unquote(value) for key, value in found.groupdict().items()}
        raise Misfit(f"no operation is {method} {path}")

    def status(self, operation):
        """The status with which an operation succeeds."""
        return self.description["operations"][operation]["http"]["responseCode"]

    def failure(self, operation, error):
        """The status of an error, if the operation can fail so."""
        known = [each["shape"] for each in self.description["operations"][operation]["errors"]]
        if error not in known:
            raise Misfit(f"{operation} never fails with {error}")
        return self.shapes[error]["error"]["httpStatusCode"]

    def request(self, operation, path, query, body):
        """The members of a request, each from where it belongs, if all fit."""
        shape = self.description["operations"][operation]["input"]["shape"]
        members = self.shapes[shape]["members"]
        given = dict(body)
        for name, member in members.items():
            if member.get("location") and name in given:
                raise Misfit(f"{name} is no member of the body")
        given |= {name: path[member["locationName"]] for name, member in members.items() if member.get("location") == "uri"}
        for key, value in query.items():
            name = next((name for name, member in members.items() if member.get("location") == "querystring" and member["locationName"] == key), None)
            if name is None:
                raise Misfit(f"{operation} has no parameter {key}")
            given[name] = int(value) if self.shapes[members[name]["shape"]]["type"] == "integer" else value
        self.check(shape, given, shape)
        return given

    def answer(self, operation, body):
        """An answer of the service's own, if it fits."""
        shape = self.shapes[self.description["operations"][operation]["output"]["shape"]]
        # The model wants a list of providers in every answer, and none that is empty, which no target without provider can satisfy.
        empty = {name for name, value in body.items() if value == []}
        self._structure(shape, {name: body[name] for name in body.keys() - empty}, operation, empty)
        return body

    def members(self, operation, side):
        """The names of what an operation's `input` or `output` holds."""
        return set(self.shapes[self.description["operations"][operation][side]["shape"]]["members"])

    def check(self, name, value, where):
        """Refuses a value that is not of the shape `name`."""
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            self._structure(shape, value, where)
        elif kind == "list":
            _expect(isinstance(value, list), where, "is no list")
            _within(shape, len(value), where)
            for place, item in enumerate(value):
                self.check(shape["member"]["shape"], item, f"{where}[{place}]")
        elif kind == "map":
            _expect(isinstance(value, dict), where, "is no map")
            _within(shape, len(value), where)
            for key, item in value.items():
                self.check(shape["key"]["shape"], key, f"{where}.{key}")
                self.check(shape["value"]["shape"], item, f"{where}.{key}")
        elif kind == "string":
            _expect(isinstance(value, str), where, "is no string")
            _within(shape, len(value), where)
            _expect(value in shape.get("enum", [value]), where, f"is none of {shape.get('enum')}")
            # As the services read them: anywhere in the value, unless anchored. The stricter reading is taken here.
            _expect(re.fullmatch(shape.get("pattern", "(?s:.*)"), value), where, f"is not of the pattern {shape.get('pattern')}")
        elif kind in ("integer", "long"):
            _expect(isinstance(value, int) and not isinstance(value, bool), where, "is no whole number")
            _within(shape, value, where)
        elif kind in ("float", "double"):
            _expect(isinstance(value, (int, float)) and not isinstance(value, bool), where, "is no number")
            _within(shape, value, where)
        elif kind == "boolean":
            _expect(isinstance(value, bool), where, "is neither true nor false")
        elif kind == "timestamp":
            _expect(_is_moment(value), where, "is no moment")
        else:
            raise Misfit(f"{where} is a {kind}, which is not known here")

    def _structure(self, shape, value, where, absent=frozenset()):
        if shape.get("document"):
            return
        _expect(isinstance(value, dict), where, "is no structure")
        unknown = value.keys() - shape["members"].keys()
        _expect(not unknown, where, f"has no member {', '.join(sorted(unknown))}")
        missing = set(shape.get("required", [])) - value.keys() - absent
        _expect(not missing, where, f"lacks {', '.join(sorted(missing))}")
        if shape.get("union"):
            _expect(len(value) == 1, where, "is not exactly one of its members")
        for name, member in value.items():
            self.check(shape["members"][name]["shape"], member, f"{where}.{name}")


def _pattern(uri):
    # The SDK for Rust leaves out the slash at the end, which the others send.
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(uri.rstrip("/"))) + "/?")


def _expect(holds, where, complaint):
    if not holds:
        raise Misfit(f"{where} {complaint}")


def _within(shape, size, where):
    _expect(shape.get("min", size) <= size, where, f"is below {shape.get('min')}")
    _expect(size <= shape.get("max", size), where, f"is above {shape.get('max')}")


def _is_moment(value):
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
