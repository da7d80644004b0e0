"""Whatever is refused on a page is said in the reader's language."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import product

import pytest
from flask import g
from marshmallow import Schema, fields
from marshmallow.validate import Range

import api.schemas
from api.pages.refusals import SENTENCES, WORDS
from api.pages.sentences import InWords, explained, said, said_of_field, said_of_row, told
from api.problems import MEANINGS, HttpCode, Problem
from clearing.core.outcomes import Code, Refusal
from support.alliance import Alliance
from support.people import reader
from support.refusals import HOLE, gathered

#: What may stand in a hole: some sentences are about numbers, times or units only.
SAMPLES = ("X1", "7", "2026-11-01", "2026-11-01T00:00:00+08:00", "fen", "points", "money")
CHINESE = re.compile("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]")

#: What marshmallow puts into its own messages.
OF_MARSHMALLOW = {"{awareness}": "aware", "{obj_type}": "datetime"}


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest, shared: Alliance) -> Iterator[str]:
    """A request of a reader of this language."""
    yield from _reading(shared, request.param)


@pytest.fixture
def in_chinese(shared: Alliance) -> Iterator[str]:
    yield from _reading(shared, "zh")


@pytest.fixture
def in_english(shared: Alliance) -> Iterator[str]:
    yield from _reading(shared, "en")


def _reading(shared: Alliance, language: str) -> Iterator[str]:
    with shared.app.test_request_context("/", headers={"Accept-Language": language}):
        with shared.services.engine.connect() as connection:
            g.directory = shared.services.directory(connection)
        yield language


def filled(text: str) -> list[str]:
    """The text with each hole filled with each sample."""
    parts = text.split(HOLE)
    return (
        [
            "".join(part + value for part, value in zip(parts, (*values, ""), strict=True))
            for values in product(SAMPLES, repeat=len(parts) - 1)
        ]
        if len(parts) < 6
        else [text.replace(HOLE, "7")]
    )


def test_every_refusal_of_what_pages_call_can_be_read_from_the_source() -> None:
    found = gathered()
    assert len({one.text for one in found}) > 150
    assert [one for one in found if one.text is None] == []


def test_every_refusal_of_what_pages_call_is_told_in_chinese(in_chinese: str) -> None:
    missing = [one for one in gathered() if one.text is not None and not any(map(said, filled(one.text)))]
    assert missing == [], "give them a sentence in api/pages/refusals.py, then `make catalogs`"


def test_every_sentence_is_one_of_a_refusal_that_there_is(in_chinese: str) -> None:
    texts = {text for one in gathered() if one.text for text in filled(one.text)}
    texts |= set(of_schemas())
    unused = [
        pattern
        for one in SENTENCES
        for pattern in [one if isinstance(one, str) else one[0]]
        if not any(re.fullmatch(_loose(pattern), text) for text in texts)
    ]
    assert unused == [], "nobody says this"


def _loose(pattern: str) -> str:
    return ".+?".join(map(re.escape, re.split(r"%\(\w+\)s", pattern)))


def of_schemas() -> Iterator[str]:
    """What the schemas say of a field that cannot be read."""
    for module in pkgutil.iter_modules(api.schemas.__path__):
        for schema in vars(importlib.import_module(f"api.schemas.{module.name}")).values():
            if isinstance(schema, type) and issubclass(schema, Schema):
                yield from schema().error_messages.values()
                for field in schema().fields.values():
                    yield from map(_without_holes, _of_field(field))


def _without_holes(text: str) -> str:
    return re.sub(r"\{\w+\}", lambda hole: OF_MARSHMALLOW.get(hole[0], "7"), text)


def _of_field(field: fields.Field) -> Iterator[str]:
    yield from map(str, field.error_messages.values())
    for validator in field.validators:
        names = [name for name in dir(validator) if name.startswith("message") or name == "error"]
        found = [getattr(validator, name) for name in names]
        yield from (
            text
            for text in found
            if isinstance(text, str) and not (isinstance(validator, Range) and "{" not in text)
        )
    for name in ("inner", "key_field", "value_field"):
        if isinstance(inner := getattr(field, name, None), fields.Field):
            yield from _of_field(inner)


def test_what_schemas_say_of_a_field_is_told_in_chinese(in_chinese: str) -> None:
    texts = set(of_schemas())
    assert len(texts) > 20
    assert sorted(text for text in texts if not said(text)) == []


def test_what_is_told_is_chinese_and_has_no_english_words_left(in_chinese: str) -> None:
    for one in SENTENCES:
        api, plain = (one, one) if isinstance(one, str) else one
        told_ = explained(Code.MALFORMED, re.sub(r"%\(\w+\)s", "7", api))
        assert CHINESE.search(told_), plain


def test_a_value_is_shown_as_the_reader_writes_it(language: str) -> None:
    def in_(chinese: str, english: str) -> str:
        return chinese if language == "zh" else english

    assert said("680 fen of stored value can be used here and 100000 are asked for.") == in_(
        "这里可用储值 ¥6.80，需要 ¥1,000.00。",
        "¥6.80 of stored value can be used here and ¥1,000.00 are asked for.",
    )
    assert said("4500 points of it are left to be reversed.") == in_(
        "可冲正的还有 4,500 分。", "4,500 points of it are left to be reversed."
    )
    assert said("1250 fen of it are left to be disputed.") == in_(
        "可争议的还有 ¥12.50。", "¥12.50 of it are left to be disputed."
    )
    assert said("2026-11 begins at 2026-11-01T00:00:00+08:00 and cannot end before that.") == in_(
        "2026-11 于 2026年11月1日 00:00 开始，此前不能结束。",
        "2026-11 begins at Nov 1, 2026, 00:00 and cannot end before that.",
    )
    assert said("It was rejected before; propose a new one.") == in_(
        "此前已驳回，请重新提出。", "It was rejected before; propose a new one."
    )
    assert said("With this card 20 more points can be used today; the limit is 5000.") == in_(
        "此卡今天还可使用 20 积分，每日限额 5,000。",
        "Today 20 more points can be used with this card; the limit is 5,000.",
    )


def test_what_is_known_in_english_only_is_not_shown_to_others(language: str) -> None:
    problem = Problem(HttpCode.PERIOD_NOT_CLOSED, "The moon is full.")
    assert said(problem.detail) == ("The moon is full." if language == "en" else None)
    assert told(problem) == (
        "The period is still open. The moon is full." if language == "en" else "周期仍在进行。请先关账。"
    )
    assert said_of_field("Is not nice.") == (
        "Is not nice." if language == "en" else "这一项无法识别，请检查。"
    )


def test_quotation_marks_are_not_of_the_sentence(in_chinese: str) -> None:
    assert said("The code 'X' is taken; choose another.") == "代码 X 已被占用，请换一个。"
    assert said('The code "O\'HARA" is taken; choose another.') == "代码 O'HARA 已被占用，请换一个。"


def test_what_a_page_has_written_itself_stays_as_it_is(in_chinese: str) -> None:
    assert explained(Code.HOLD_UNKNOWN, InWords("就是这样。")) == "就是这样。"


def test_faults_of_several_fields_and_columns_are_all_told(in_chinese: str) -> None:
    assert (
        said_of_field("Must be text. Must have 1 to 64 characters.") == "请输入文字。 须为 1 至 64 个字符。"
    )
    text = (
        "amount: Must be a whole number without quotes or fraction.; card: Missing data for required field."
    )
    assert said_of_row(Code.MALFORMED, text) == "amount: 请填写整数。; card: 此项必填。"
    assert said_of_row(Code.CARD_BLOCKED, "No idea.") == "请会员联系发卡方。"


def test_a_refusal_has_title_and_sentence(language: str) -> None:
    refusal = Refusal(Code.INSUFFICIENT_POINTS, "4500 points can be used here and 5000 are asked for.")
    assert told(refusal) == (
        "Not enough points. 4,500 points can be used here and 5,000 are asked for."
        if language == "en"
        else "积分不足。这里可用 4,500 积分，需要 5,000。"
    )


def test_titles_and_remedies_are_for_people(language: str) -> None:
    """No header, no method and no name of a field of the API."""
    for code in MEANINGS:
        text = told(Refusal(Code.MALFORMED, "")._replace(code=code))  # type: ignore[arg-type]  # any code
        assert not re.search(
            "idempotency|header|幂等|Content-Type|Authorization|/docs|due_on|request_id", text
        ), text


def test_words_of_ours_in_a_sentence_are_told(in_chinese: str) -> None:
    for one in WORDS:
        assert CHINESE.search(said(f"The hold was {one} before.") or ""), one


@pytest.mark.parametrize(
    ("role", "path", "told_"),
    [
        ("desk", "/desk/holds/hld_x", "本店没有这笔预授权"),
        ("desk", "/desk/?merchant=NOBODY", "您名下没有可操作的门店，请联系管理员。"),
        ("desk", "/desk/transactions?merchant=LOTUS-1", "您不能在商户 LOTUS-1 办理。"),
        ("desk", "/hub/", "您的角色不能使用此页。"),
        ("auditor", "/finance/?participant=NOBODY", "没有成员系统 NOBODY。"),
        ("auditor", "/finance/flows?kind=x", "没有此类型。"),
        ("auditor", "/finance/payments?period=x", "x 不是月份，请写成 2026-10 的形式。"),
        ("auditor", "/finance/disputes?status=x", "没有这种状态。"),
        ("auditor", "/finance/disputes/dsp_x", "没有此争议。"),
        ("auditor", "/finance/statements/stm_x", "没有对账单 stm_x。"),
        ("auditor", "/hub/participants?cursor=!", "列表中没有这一页，请回到开头。"),
        ("auditor", "/hub/periods/2020-01", "该月份尚未开启。"),
        ("auditor", "/hub/adjustments/adj_x", "没有调整 adj_x。"),
        ("auditor", "/hub/imports/imp_x", "没有导入 imp_x。"),
        ("auditor", "/users/nobody", "没有用户 nobody。"),
    ],
)
def test_pages_of_all_rooms_tell_it(shared: Alliance, role: str, path: str, told_: str) -> None:
    response = reader(shared, role, "zh").get(path)
    assert response.status_code >= 400
    text = response.text.partition("<main")[2].partition('class="request-id"')[0]
    assert told_ in text
    said_ = re.sub(r"<[^>]+>|NOBODY|LOTUS-1|\w+_x|nobody|Asia/Shanghai|\bx\b", " ", f"<{text}>")
    assert not re.search("[A-Za-z]{3}", said_), said_
