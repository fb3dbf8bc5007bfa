"""docs/openapi.yaml as a judge: does an answer of the process stand in it, with status, headers and body?

Nothing here is shared with the bridge: schemas are Draft 2020-12, checked by the jsonschema package.
"""
import copy
import http.client
import itertools
import json
import pathlib
import re
import socket

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
# Headers that every HTTP answer may have.
PLAIN = {"date", "connection", "content-type", "content-length"}
DEADLINE = 30


def load():
    return yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))


def closed(node):
    """A copy of a document in which an object has the members that are listed and no others: what the bridge says, it documents."""
    node = copy.deepcopy(node)

    def walk(schema):
        if not isinstance(schema, dict):
            return
        for part in schema.get("properties", {}).values():
            walk(part)
        walk(schema.get("items"))
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)

    for schema in node["components"]["schemas"].values():
        walk(schema)
    return node


class Contract:
    def __init__(self, document=None):
        self.document = document or load()
        self.strict = closed(self.document)
        self.operations = {}            # name: (method, parts of the path, operation)
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    self.operations[operation["operationId"]] = (method.upper(), path.split("/"), operation)
        self.elsewhere = self.document["x-elsewhere"]

    # -- looking into the document

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.at(node["$ref"])
        return node

    def at(self, pointer):
        node = self.document
        for part in pointer.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def find(self, method, target):
        """The name of the operation of a request, and its responses."""
        path = re.sub("^https?://[^/?]+(?=/)", "", target.partition("?")[0], flags=re.I)
        path = re.sub("%([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)) if re.match("[A-Za-z0-9._~-]", chr(int(m[1], 16))) else m[0], path)
        parts = path.split("/")
        known = False
        for name, (its_method, its_parts, operation) in self.operations.items():
            if len(parts) == len(its_parts) and all(p == t or (t.startswith("{") and p) for p, t in zip(parts, its_parts)):
                if method == its_method:
                    return name, operation["responses"]
                known = True
        name = "otherMethod" if known else "otherPath"
        return name, self.elsewhere[name]["responses"]

    def documented(self):
        """Every (operation, status) there is."""
        rows = {(name, status) for name, (_, _, operation) in self.operations.items() for status in operation["responses"]}
        return rows | {(name, status) for name, other in self.elsewhere.items() for status in other["responses"]}

    def codes(self):
        """Every (status, code) of an error."""
        found = set()
        responses = [r for _, _, o in self.operations.values() for r in o["responses"].items()]
        responses += [r for other in self.elsewhere.values() for r in other["responses"].items()]
        for status, response in responses:
            content = self.resolve(response).get("content", {})
            schema = self.resolve(content.get("application/json", {}).get("schema", {}))
            code = schema.get("properties", {}).get("error", {}).get("properties", {}).get("code", {})
            if int(status) >= 400:
                found |= {(status, c) for c in code.get("enum", [code.get("const")]) if c}
        return found

    def examples(self):
        """(operation, name, value) of every example of a request."""
        for name, (_, _, operation) in self.operations.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                for key, example in media.get("examples", {}).items():
                    yield name, key, self.resolve(example)["value"]

    # -- judging

    def errors(self, schema, value, strict=False):
        return [f"{path or 'it'}: {words}" for path, words in self.errors_at(schema, value, strict)]

    def errors_at(self, schema, value, strict=False):
        """(path of the member, what is wrong with it)"""
        document = self.strict if strict else self.document
        resolver = jsonschema.RefResolver("", document)
        validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
        return [(".".join(map(str, e.absolute_path)), e.message[:200]) for e in validator.iter_errors(value)]

    def request_errors(self, name, body, named=()):
        """What is wrong with it, but for the members that the answer's warnings have @named."""
        schema = self.operations[name][2]["requestBody"]["content"]["application/json"]["schema"]
        return [f"{path or 'it'}: {words}" for path, words in self.errors_at(schema, body)
                if not path or not any(f"{field}.".startswith(f"{path}.") or path.startswith(f"{field}.") for field in named)]

    def webhook_errors(self, kind, body):
        hook = self.document["webhooks"].get(kind)
        if not hook:
            return [f"there is no webhook {kind}"]
        return self.errors(hook["post"]["requestBody"]["content"]["application/json"]["schema"], body, strict=True)

    def problems(self, method, target, answer):
        """What of this answer is not in the document."""
        name, responses = self.find(method, target)
        response = responses.get(str(answer.status))
        if response is None:
            return [f"{name}: the status {answer.status} is not documented"]
        response = self.resolve(response)
        found = self._headers(response, answer)
        content = response.get("content", {})
        # what the HTTP library answers has no Content-Type
        kind = answer.headers.get("content-type", "text/html").partition(";")[0]
        if kind not in content:
            found.append(f"the type {kind} is not documented" if content else "no body is documented")
        elif method == "HEAD" and kind != "text/html":
            found += ["HEAD was answered with a body"] if answer.body else []
        elif not (method == "HEAD" and not answer.body):
            found += self._body(kind, content[kind]["schema"], answer.body)
        return [f"{name} {answer.status}: {p}" for p in found]

    def _headers(self, response, answer):
        found = []
        headers = {k.lower(): self.resolve(v) for k, v in response.get("headers", {}).items()}
        for name, header in headers.items():
            value = answer.headers.get(name)
            if value is None:
                found += [f"the header {name} is missing"] if header.get("required") else []
                continue
            schema = self.resolve(header["schema"])
            if schema.get("type") == "integer":
                value = int(value) if value.isdigit() else value
            found += [f"header {name}: {e}" for e in self.errors(schema, value)]
        return found + [f"the header {h} is not documented" for h in set(answer.headers) - PLAIN - set(headers)]

    def _body(self, kind, schema, body):
        try:
            value = json.loads(body) if kind == "application/json" else body.decode()
        except ValueError as error:
            return [f"the body is no {kind}: {error}"]
        return self.errors(schema, value, strict=True)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The error's code, of an answer that has one."""
        try:
            return self.json["error"]["code"]
        except (ValueError, LookupError, TypeError):
            return None

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def speak(port, data, method="GET"):
    """The answer to exactly these bytes; None when the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
        try:
            s.sendall(data)
        except OSError:
            pass                        # it was answered before it was sent to the end
        answer = http.client.HTTPResponse(s, method=method)
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, ConnectionError):
            return None
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)


class Recorder:
    """Speaks to one process and keeps all that was said, for the judge. Each request comes, as the trusted proxy 127.0.0.1
    says, from another address, so that none is refused for how many there are."""
    addresses = (f"198.{18 + n // 65536 % 2}.{n // 256 % 256}.{n % 256}" for n in itertools.count())

    def __init__(self, port=None, log=None):
        self.port, self.log = port, [] if log is None else log

    def at(self, port):
        return Recorder(port, self.log)

    def send(self, method, target, headers=(), body=None, version="HTTP/1.1", host="Host: bridge"):
        """@headers are lines, or a dictionary."""
        lines = [f"{k}: {v}" for k, v in headers.items()] if isinstance(headers, dict) else list(headers)
        if body is not None and not any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        if not any(line.startswith("X-Forwarded-For") for line in lines):
            lines.append(f"X-Forwarded-For: {next(self.addresses)}")
        head = [f"{method} {target} {version}", *([host] if host else []), "Connection: close", *lines, "", ""]
        answer = speak(self.port, "\r\n".join(head).encode() + (body or b""), method)
        self.log.append((method, target, body, answer))
        return answer


def judge(contract, log):
    """(problems, what was produced as (operation, status), what as (status, code)) of all that was said."""
    found, produced, codes = [], set(), set()
    for method, target, body, answer in log:
        if answer is None:
            continue
        name, _ = contract.find(method, target)
        produced.add((name, str(answer.status)))
        if answer.code:
            codes.add((str(answer.status), answer.code))
        found += [f"{method} {target[:120]}: {p}" for p in contract.problems(method, target, answer)]
        found += [f"{method} {target[:120]}: accepted, though by the document {p}: {body[:300]!r}"
                  for p in accepted_against(contract, name, body, answer)]
    return found, produced, codes


def accepted_against(contract, name, body, answer):
    """What the document has against the body of a request that the process took."""
    if answer.status not in (200, 202) or name == "amojoWebhook" or body is None or name not in contract.operations or \
            "requestBody" not in contract.operations[name][2]:
        return []
    if b'"rejected"' in answer.body:
        return []                       # of a list of statuses: its other items were taken
    named = [w["field"] for w in answer.json.get("warnings", [])]
    for i, result in enumerate(answer.json.get("results", [])):
        named += [f"statuses.{i}.{w['field']}" for w in result.get("warnings", [])]
    return contract.request_errors(name, json.loads(body.decode().removeprefix("\ufeff")), named)
