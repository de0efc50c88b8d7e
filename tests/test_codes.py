"""fastws.codes: every documented error code has its name and its text."""

import re

import pytest

import fastws
from fastws import codes
from helpers import facts

# Names that are sentences in errors.md.
OWN_NAMES = {-2021: "CANCEL_REPLACE_PARTIALLY_FAILED", -2022: "CANCEL_REPLACE_FAILED"}
# Codes of a heading in errors.md, without a section of their own.
WITHOUT_SECTION = {-1010: "ERROR_MSG_RECEIVED", -2038: "ORDER_AMEND_REJECTED"}

# Codes that errors.md does not have, and the exchange sends.
UNDOCUMENTED = {-2008: "BAD_API_ID"}


def test_codes_are_as_documented():
    documented = facts.error_codes()
    names = {each["code"]: OWN_NAMES.get(each["code"], each["name"]) for each in documented}
    names |= WITHOUT_SECTION | UNDOCUMENTED
    assert {code: codes.name(code) for code in codes.CODES.values()} == names
    for each in documented:
        assert getattr(codes, names[each["code"]]) == each["code"]
        # what stands in angle brackets got lost there
        assert re.sub("<[^>]*>", "", codes.text(each["code"])) == "\n".join(each["messages"])


def test_names_are_constants():
    assert codes.BAD_SYMBOL == codes.INVALID_SYMBOL == -1121
    assert codes.name(-1121) == "BAD_SYMBOL"
    assert codes.CODES["INVALID_SYMBOL"] == -1121
    assert codes.text(-1121) == "Invalid symbol."
    assert codes.text(-1021).splitlines()[1].startswith("Timestamp for this request was 1000ms ahead")
    assert {name for name in vars(codes) if name.isupper()} - {
        "CODES",
        "_TEXTS",
        "_NAMES",
    } == codes.CODES.keys()


def test_a_key_that_the_exchange_does_not_know_has_a_name():
    assert codes.BAD_API_ID == -2008
    error = fastws.errors.api_error(401, {"code": -2008, "msg": "Invalid Api-Key ID."}, "session.logon")
    assert str(error) == "session.logon: Invalid Api-Key ID. (code -2008 BAD_API_ID, status 401)"
    assert codes.text(-2008) == "Invalid Api-Key ID."


@pytest.mark.parametrize("code", [0, -1, -99999, 5])
def test_a_code_that_nobody_knows_has_no_name(code):
    assert codes.name(code) is None
    assert codes.text(code) is None


def test_errors_have_the_name_of_their_code():
    error = fastws.BadRequest(400, -1121, "Invalid symbol.", None, "depth")
    assert error.name == "BAD_SYMBOL"
    assert str(error) == "depth: Invalid symbol. (code -1121 BAD_SYMBOL, status 400)"
    unknown = fastws.BadRequest(400, -9999, "New.", None, "depth")
    assert unknown.name is None
    assert str(unknown) == "depth: New. (code -9999, status 400)"
