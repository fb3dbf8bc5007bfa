"""docs/openapi.yaml by itself: OpenAPI 3.1 for a validator written by others, schemas that are schemas, examples that fit."""
import copy
import json
import re

import jsonschema
import pytest
import yaml

import foreign_node
from contract import DOCUMENT, ROOT, Contract, load


def validate(*documents):
    foreign_node.need_packages()
    return foreign_node.run("openapi.mjs", json.dumps(documents))


def test_the_document_is_openapi_3_1():
    assert validate(DOCUMENT.read_text(encoding="utf-8")) == [{"valid": True, "version": "3.1", "errors": []}]


FAULTS = {
    "no version": lambda d: d["info"].pop("version"),
    "of 3.0": lambda d: d.update(openapi="3.0.3"),
    "no such method": lambda d: d["paths"]["/healthz"].update(fetch={}),
    "a response without words": lambda d: d["paths"]["/healthz"]["get"]["responses"]["200"].pop("description"),
    "no such status": lambda d: d["paths"]["/healthz"]["get"]["responses"].update({"2000": {"description": "x"}}),
    "no such place": lambda d: d["components"]["parameters"]["ScopeId"].update({"in": "nowhere"}),
    "no such name": lambda d: d["components"]["schemas"].update({"bad name": {}}),
    "half a scheme": lambda d: d["components"]["securitySchemes"]["bearer"].pop("scheme"),
}


def test_a_broken_document_is_refused():
    broken = []
    for fault in FAULTS.values():
        document = load()
        fault(document)
        broken.append(yaml.safe_dump(document, allow_unicode=True))
    results = validate(*broken, yaml.safe_dump(load(), allow_unicode=True))
    assert [name for name, result in zip(FAULTS, results) if result["valid"]] == []
    assert results[-1]["valid"]


def pieces(node, path=""):
    """(path, node) of every object in the document."""
    if isinstance(node, dict):
        yield path, node
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from pieces(value, f"{path}/{key}")


def test_every_reference_leads_somewhere_and_every_component_is_used(contract):
    used = {node["$ref"] for _, node in pieces(contract.document) if isinstance(node.get("$ref"), str)}
    for pointer in used:
        assert contract.at(pointer) is not None
    there = {f"#/components/{kind}/{name}" for kind, named in contract.document["components"].items()
             if kind != "securitySchemes" for name in named}
    assert used == there


def test_every_schema_is_one(contract):
    schemas = [node["schema"] for _, node in pieces(contract.document) if isinstance(node.get("schema"), dict)]
    for schema in [*schemas, *contract.document["components"]["schemas"].values()]:
        jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.SchemaError):
        jsonschema.Draft202012Validator.check_schema({"type": "words"})


def examples(contract):
    for path, node in pieces(contract.document):
        if "schema" not in node or path.startswith("/components/schemas"):
            continue
        values = [node["example"]] if "example" in node else []
        values += [contract.resolve(e)["value"] for e in node.get("examples", {}).values()]
        for value in values:
            yield path, node["schema"], value


def test_every_example_fits_its_schema(contract):
    rows = list(examples(contract))
    assert len(rows) > 40
    for path, schema, value in rows:
        assert not contract.errors(schema, value, strict="AmojoWebhook" not in str(schema)), path


def test_names_are_unique_and_parameters_declared(contract):
    names = []
    for path, item in contract.document["paths"].items():
        declared = {contract.resolve(p)["name"] for p in item.get("parameters", [])}
        assert declared == set(re.findall(r"{(\w+)}", path))
        names += [operation["operationId"] for method, operation in item.items() if method != "parameters"]
    names += [hook["post"]["operationId"] for hook in contract.document["webhooks"].values()]
    assert len(names) == len(set(names))
    for operation in contract.operations.values():
        for proof in operation[2]["security"]:
            assert set(proof) <= set(contract.document["components"]["securitySchemes"])


def test_every_status_of_the_connectors_page_is_in_the_document(contract):
    page = (ROOT / "docs/connector.md").read_text(encoding="utf-8")
    section = re.search(r"^## Errors$(.*?)^## ", page, re.M | re.S)[1]
    told = {(status, code) for status, cell in re.findall(r"^\| (\d+) \|([^|]*)\|", section, re.M) for code in re.findall(r"`(\w+)`", cell)}
    assert told - contract.codes() == set()
    assert contract.codes() - told == {("503", "not_ready")}


def test_what_is_listed_is_all_there_is_in_an_answer():
    """The judge takes a member that is not listed for a fault."""
    document = copy.deepcopy(load())
    schema = {"$ref": "#/components/schemas/Done"}
    assert not Contract(document).errors(schema, {"status": "accepted"}, strict=True)
    assert Contract(document).errors(schema, {"status": "accepted", "extra": 1}, strict=True)
