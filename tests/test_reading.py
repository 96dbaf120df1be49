"""How a usage type is read is shown piece by piece, and where the nearest forms fail."""

import json
import re

import pytest

from curecon import cli, grammar
from curecon.reading import NEAREST_MAX, read
from curecon.vocabulary import vocabulary

EXAMPLES = [text for form in grammar.grammar().forms for text in form.examples]


def pieces(usage_type: str) -> list[tuple[str, dict[str, str]]]:
    return [(piece.text, piece.means) for piece in read(usage_type).pieces]


def test_each_piece_has_its_meaning() -> None:
    assert pieces("USE1-Claude4.6Sonnet-output-tokens-cross-region-global") == [
        ("USE1-", {"region": "us-east-1"}),
        ("Claude4.6Sonnet", {"provider": "Anthropic", "model": "Claude Sonnet 4.6"}),
        ("-", {}),
        ("output-tokens", {"token_type": "output"}),
        ("-cross-region-global", {"routing": "global"}),
    ]
    assert pieces("Studio:JupyterLab-ml.m7i.48xlarge") == [
        ("Studio:", {}),
        ("JupyterLab", {"capability": "studio_jupyterlab"}),
        ("-", {}),
        ("ml.m7i.48xlarge", {"instance_type": "ml.m7i.48xlarge"}),
    ]


def test_a_marketplace_row_has_two_prefixes() -> None:
    assert pieces("EU-MP:EU_InputTokenCount_Global-Units") == [
        ("EU-", {"region": "eu-west-1"}),
        ("MP:", {}),
        ("EU_", {"region": "eu-west-1"}),
        ("InputTokenCount", {"token_type": "input"}),
        ("_Global", {"routing": "global"}),
        ("-Units", {}),
    ]


@pytest.mark.parametrize("usage_type", EXAMPLES)
def test_the_pieces_are_the_usage_type_and_tell_what_is_decoded(usage_type: str) -> None:
    reading = read(usage_type)
    assert "".join(piece.text for piece in reading.pieces) == usage_type
    assert all(piece.known for piece in reading.pieces)
    assert reading.nearest == []
    assert reading.form is not None
    told = reading.form.means | {
        name: text for piece in reading.pieces for name, text in piece.means.items()
    }
    # What customization trains on is told by the model.
    decoded = reading.decoded
    if decoded["capability"] == "customization_training":
        told["token_type"] = decoded["token_type"]
    names = (*vocabulary(), "region")
    assert told == {name: decoded[name] for name in names if name in decoded}
    assert reading.form.grade == decoded["grade"]
    assert reading.form.source


def test_a_part_that_is_not_known_says_so() -> None:
    reading = read("USE1-Foo-input-tokens")
    assert [(piece.text, piece.known) for piece in reading.pieces][:2] == [
        ("USE1-", True),
        ("Foo", False),
    ]
    assert reading.decoded["undecoded_reason"] == "The model Foo is not known."


@pytest.mark.parametrize(
    ("usage_type", "form", "reads", "rest", "why"),
    [
        (
            "USE1-TitanTextG1-Lite-inputtokens", "tokens", "TitanTextG1-Lite-", "inputtokens",
            "where inputtokens stands it expects one of input-tokens, ",
        ),
        (
            "USE1-Claude4.6Sonnet-input-tokens-xyz", "tokens", "Claude4.6Sonnet-input-tokens",
            "-xyz", "It reads Claude4.6Sonnet-input-tokens and leaves -xyz over.",
        ),
        (
            "USE1-Hst:Data-Bytes-", "data processed by endpoints", "Hst:Data-Bytes-", "",
            "It reads Hst:Data-Bytes-, and then one of In, Out is missing.",
        ),
        (
            "USE1-TrainX:ml.m5.large", "job", "Train", "X:ml.m5.large",
            "It reads Train, and where X:ml.m5.large stands it expects :.",
        ),
        (
            "Notebk:mlt3.medium", "notebook instance", "Notebk:", "mlt3.medium",
            "It reads Notebk:, and where mlt3.medium stands it expects the instance type.",
        ),
        (
            "USE1-xai.grok-4.3-mantle-input-tokens", "tokens", "xai.grok-4.3-mantle-input-tokens",
            "", "Another form reads usage types like it.",
        ),
    ],
)  # fmt: skip
def test_the_nearest_forms_say_where_they_fail(
    usage_type: str, form: str, reads: str, rest: str, why: str
) -> None:
    reading = read(usage_type)
    near = next(near for near in reading.nearest if near.form == form)
    assert (near.reads, near.rest) == (reads, rest)
    assert why in near.why
    assert reading.form is None
    assert reading.pieces == []
    assert "capability" not in reading.decoded, "none of them is chosen"
    assert len(reading.nearest) <= NEAREST_MAX


@pytest.mark.parametrize("usage_type", ["", "?", "x" * 5000, "EUW1-Train:ml.m5.large", "Tax"])
def test_what_resembles_nothing_has_no_nearest_form(usage_type: str) -> None:
    reading = read(usage_type)
    assert reading.nearest == []
    assert re.match("[A-Z].*[.]$", reading.decoded["undecoded_reason"])


def test_a_form_of_a_part_is_shown_and_does_not_decode() -> None:
    reading = read("USE1-RStudio:RSession-ml.t3.medium")
    assert reading.form is not None
    assert (reading.form.name, reading.form.whole) == ("RStudio session", False)
    assert reading.pieces == []


# --- the command ---


def test_decode_prints_the_pieces_the_form_and_its_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["decode", "USE1-Notebk:ml.t3.medium"]) == cli.FINE
    assert capsys.readouterr().out == (
        "USE1-Notebk:ml.t3.medium\n"
        "  USE1-         region us-east-1\n"
        "  Notebk:       belongs to the form\n"
        "  ml.t3.medium  instance type ml.t3.medium\n"
        "  service            sagemaker\n"
        "  capability         notebook\n"
        "  component          instance\n"
        "  instance type      ml.t3.medium\n"
        "  region             us-east-1\n"
        "  form               notebook instance (rates/usage_types/sagemaker_studio.toml): "
        "service sagemaker, capability notebook, component instance\n"
        "  source             price list\n"
        "  grade              real\n"
    )


def test_decode_prints_json_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    usage_types = ["USE1-NovaLite-input-tokens", "USE1-NovaLite-input-token"]
    assert cli.run(["decode", *usage_types, "--json"]) == cli.FINE
    one, other = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["line_item_usage_type"], one["model"], one["nearest"]) == (
        usage_types[0], "Nova Lite", [],
    )  # fmt: skip
    assert one["pieces"][0] == {"text": "USE1-", "means": {"region": "us-east-1"}, "known": True}
    assert (other["form"], other["pieces"]) == (None, [])
    assert other["nearest"][0]["reads"] == "NovaLite-"


def test_decode_shows_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["decode", "USE1-\x1b[31m-input-tokens"]) == cli.FINE
    assert "\x1b" not in capsys.readouterr().out


def test_decode_wants_a_usage_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["decode"]) == cli.FAILED
    assert "give a usage type" in capsys.readouterr().err
