"""`tongdui approve`, `pay-file`, `bank-file`, `jobs`, and what `doctor` says of months that wait."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from api.cli import main
from api.cli.context import console
from api.jobs import LISTED
from settlement import close
from settlement.render import FORMATS, pain
from settlement.render.pdf import PdfDocument
from settlement.statement import Detail
from support.alliance import PERSONAL_DATA_KEYS, WANG, opened_alliance
from support.api import good

Tongdui = Callable[..., Result]
ACCOUNT = {"holder": "Somebody", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "country": "DE"}


@pytest.fixture
def month() -> str:
    return datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")


@pytest.fixture
def tongdui(alliance_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tongdui:
    """The command line on the alliance of `support.alliance`; one spend has crossed, accounts are known."""
    # Wide enough that no cell of a table is folded; it was made before the environment of a command counts.
    monkeypatch.setattr(console, "_width", 220)
    for name in ("TONGDUI_PORT", "TONGDUI_BOOTSTRAP_KEY", "TONGDUI_TZ"):
        monkeypatch.delenv(name, raising=False)
    with opened_alliance(alliance_url, tmp_path) as alliance:
        spend = {"card": WANG, "merchant": "PINE-1", "amount": 30_000}
        good(alliance.operator.post("/v1/spends", spend))
        for path in ("/v1/alliance/bank-account", "/v1/participants/PINE/bank-account"):
            good(alliance.operator.put(path, ACCOUNT))
    environment = {
        "TONGDUI_DATA": str(tmp_path),
        "DATABASE_URL": alliance_url,
        "TONGDUI_PERSONAL_DATA_KEYS": PERSONAL_DATA_KEYS,
    }
    return partial(_run, environment)


def _run(environment: dict[str, str], *arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), env=environment)


def told(result: Result, exit_code: int = 0) -> str:
    """What the command printed; fails with it if it ended otherwise, or with a traceback."""
    assert result.exit_code == exit_code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def execute(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_closing_shows_the_figures_of_statements_under_their_names(
    tongdui: Tongdui, alliance_url: str, month: str, tmp_path: Path
) -> None:
    closed = told(tongdui("close", month, "--early"))
    documented = (Path(__file__).parents[2] / "docs/statements.md").read_text("utf-8")
    for name in ("Receivable from exchanges", "Payable for exchanges", "Fees, VAT included", "Net"):
        assert name in closed and name in documented, name
    told(tongdui("statements", month, "--out", tmp_path, "--format", "xlsx", "--participant", "PINE"))
    [path] = tmp_path.glob("*.xlsx")
    summary = openpyxl.load_workbook(path, data_only=True)["Summary"]
    stated = {str(row[0]): row[1] for row in summary.iter_rows(values_only=True)}
    heading, row = (
        [cell.strip() for cell in re.split("[┃│]", line)][1:-1]
        for line in closed.splitlines()
        if "Participant" in line or "PINE" in line
    )
    for name, figure in zip(heading[1:], row[1:], strict=True):
        [fen] = [value for word, value in stated.items() if re.fullmatch(rf"{name} [^A-Za-z]+", word)]
        assert f"{fen:,.2f}" == figure, name


def test_a_job_that_could_not_do_all_names_what_failed_and_ends_with_1(
    tongdui: Tongdui, alliance_url: str, month: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> bool:
        raise ArithmeticError("does not add up")

    with monkeypatch.context() as patched:
        patched.setattr(close, "check_recomputed", failing)
        assert tongdui("close", month, "--early").exit_code == 1
        failed = told(tongdui("jobs", "run", "close_periods"), 1)
    assert f"{month}: ArithmeticError: does not add up" in " ".join(failed.split())
    assert "Not all was done." in told(tongdui("jobs"))
    assert "finished 1" in told(tongdui("jobs", "run", "close_periods"))


def test_a_month_is_closed_approved_paid_and_settled(
    tongdui: Tongdui, alliance_url: str, month: str, tmp_path: Path
) -> None:
    assert "period_not_closed" in told(tongdui("approve", month), 1)
    told(tongdui("close", month, "--early"))
    assert "period_not_approved" in told(tongdui("pay-file", month), 1)
    assert "is approved" in told(tongdui("approve", month))
    assert "is approved" in told(tongdui("approve", month))
    out = tmp_path / "pay.xml"
    assert "1 transfers of 298.20 yuan" in told(tongdui("pay-file", month, "--out", out))
    assert pain.NAMESPACE in out.read_text()
    bank = tmp_path / "bank.csv"
    bank.write_text(
        "bank_reference,paid_on,amount_yuan,text\n"
        f"N1,2026-11-20,300.00,{month}-JADE-1\nN2,2026-11-20,-298.20,{month}-PINE-1\n"
    )
    assert "2 rows, read as UTF-8: 2 matched, 0 on record before, 0 not matched" in told(
        tongdui("bank-file", bank)
    )
    assert "0 matched, 2 on record before" in told(tongdui("bank-file", bank, "--strict"))
    assert "is settled" in told(tongdui("approve", month))
    assert "nothing left to pay out" in told(tongdui("pay-file", month), 1)
    assert "no difference" in told(tongdui("verify"))


def test_a_payment_file_asks_about_accounts_that_were_changed_and_takes_bank_days_only(
    tongdui: Tongdui, alliance_url: str, month: str, tmp_path: Path
) -> None:
    told(tongdui("close", month, "--early"))
    told(tongdui("approve", month))
    execute(
        alliance_url,
        "INSERT INTO bank_accounts (participant_id, holder, iban, bic, country, made_at, made_by)"
        " SELECT participant_id, 'Mallory', 'GB29NWBK60161331926819', bic, 'GB', now(), 'key_x'"
        " FROM bank_accounts WHERE participant_id <> 0",
    )
    out = tmp_path / "pay.xml"
    asked = told(tongdui("pay-file", month, "--out", out), 1)
    assert "Somebody" in asked
    assert "Mallory" in asked
    assert not out.exists()
    change = asked.partition("accounts_confirmed=")[2].partition(".")[0]
    confirmed = ("pay-file", month, "--out", out, "--accounts-confirmed", change)
    assert "not_a_bank_day" in told(tongdui(*confirmed, "--on", next_christmas()), 1)
    assert "date_out_of_bounds" in told(tongdui(*confirmed, "--on", "2020-01-02"), 1)
    told(tongdui(*confirmed))
    assert "Mallory" in out.read_text()


def next_christmas() -> str:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    return f"{today.year + (today.month == 12 and today.day > 24)}-12-25"


def test_what_this_command_line_closed_it_cannot_approve_under_dual_control(
    tongdui: Tongdui, alliance_url: str, month: str
) -> None:
    execute(alliance_url, "UPDATE rulebooks SET dual_control = true")
    told(tongdui("close", month, "--early"))
    assert "forbidden" in told(tongdui("approve", month), 1)


def test_rows_of_a_bank_file_that_match_nothing_are_shown(tongdui: Tongdui, tmp_path: Path) -> None:
    bank = tmp_path / "bank.csv"
    bank.write_text("bank_reference,paid_on,amount_yuan,text\nN1,2026-11-20,300.00,rent\n")
    assert "no_reference" in told(tongdui("bank-file", bank))
    told(tongdui("bank-file", bank, "--strict"), 3)
    bank.write_text("bank_reference,paid_on,amount_yuan,text\n[/b] :100:,2026-11-20,300.00,rent\n")
    shown = told(tongdui("bank-file", bank))
    assert "[/b]" in shown and ":100:" in shown
    bank.write_text("a,b\n")
    assert "The first line must name the columns" in told(tongdui("bank-file", bank), 1)


def test_jobs_are_listed_and_run_by_hand(tongdui: Tongdui, alliance_url: str) -> None:
    listed = told(tongdui("jobs"))
    assert all(job.name in listed for job in LISTED)
    assert listed.count("never") == len(LISTED)
    assert "No process runs them now" in listed
    execute(alliance_url, "UPDATE lots SET expires_on = '2026-11-01' WHERE available = 3000")
    assert "lots 0" in told(tongdui("jobs", "run", "expire_lots", "--at", "2026-11-01T23:59"))
    assert "lots 1, points 3,000" in told(tongdui("jobs", "run", "expire_lots", "--at", "2026-11-02T00:00"))
    assert "lots 0" in told(tongdui("jobs", "run", "expire_lots"))
    assert "checks" in told(tongdui("jobs", "run", "verify"))
    again = told(tongdui("jobs"))
    assert again.count("never") == len(LISTED) - 2
    assert "nothing was due" in again


def test_a_job_is_not_run_for_the_future_nor_when_it_does_not_exist(tongdui: Tongdui) -> None:
    assert "has not come yet" in told(tongdui("jobs", "run", "close_periods", "--at", "2199-01-01T00:00"), 1)
    assert "write it as" in told(tongdui("jobs", "run", "close_periods", "--at", "soon"), 2)
    assert "close_periods" in told(tongdui("jobs", "run", "nonsense"), 2)


def test_a_job_that_fails_is_told_in_a_sentence(tongdui: Tongdui, alliance_url: str) -> None:
    execute(alliance_url, "UPDATE lots SET available = available + 1 WHERE available = 3000")
    assert "verify failed: lot_balances" in told(tongdui("jobs", "run", "verify"), 1)
    assert "failed: Differs" in told(tongdui("jobs"))


def test_doctor_names_history_that_waits_to_be_closed(tongdui: Tongdui, alliance_url: str) -> None:
    execute(
        alliance_url,
        "INSERT INTO periods VALUES (202001, '2019-12-31T16:00Z', '2020-01-31T16:00Z', 'open', '2026-11-01')",
    )
    found = told(tongdui("doctor"), 1)
    assert "2020-01 holds history and is not closed" in found
    assert "tongdui close 2020-01" in found


def test_doctor_names_periods_that_leave_a_gap_and_a_present_without_one(
    tongdui: Tongdui, month: str, alliance_url: str
) -> None:
    told(tongdui("close", month, "--early"))
    assert "no open period" not in tongdui("doctor").output
    execute(alliance_url, "UPDATE periods SET starts_at = starts_at + interval '1 day' WHERE state = 'open'")
    found = told(tongdui("doctor"), 1)
    assert "do not follow each other" in found
    assert "no open period" in found


def test_statements_that_do_not_tie_out_are_not_written(
    tongdui: Tongdui, month: str, alliance_url: str, tmp_path: Path
) -> None:
    told(tongdui("close", month, "--early"))
    engine = create_engine(alliance_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE legs SET obligation = obligation + 1 WHERE obligation > 0"))
    out = tmp_path / "statements"
    answer = told(tongdui("statements", month, "--out", out, "--participant", "PINE", "--format", "csv"), 1)
    assert "`tongdui verify` tells what was changed" in answer
    assert list(out.iterdir()) == [], "no half file either"


def test_a_file_that_cannot_be_made_holds_up_no_other(
    tongdui: Tongdui, month: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One format of one statement fails: it alone is missing, is told, and is made the next time."""
    told(tongdui("close", month, "--early"))
    out, end = tmp_path / "statements", PdfDocument.end
    formats = [one for one in FORMATS if one != "json"]  # which is signed, by keys that are not here
    command = ("statements", month, "--out", out, *(f"--format={one}" for one in formats))

    def fails(document: PdfDocument, detail: Detail) -> None:
        if document._statement.header.participant_code == "JADE":
            raise KeyError("transfer")
        end(document, detail)

    with monkeypatch.context() as broken:
        broken.setattr(PdfDocument, "end", fails)
        answer = told(tongdui(*command), 1)
    assert "1 of 12 files could not be made; the others are complete" in answer
    assert f"{month}-JADE-1.pdf: KeyError: 'transfer'" in answer
    wanted = {f"{month}-{code}-1.{format_}" for code in ("JADE", "LOTUS", "PINE") for format_ in formats}
    assert {path.name for path in out.iterdir()} == wanted - {f"{month}-JADE-1.pdf"}
    told(tongdui(*command))
    assert {path.name for path in out.iterdir()} == wanted


def test_a_statement_that_does_not_tie_out_holds_up_no_other(
    tongdui: Tongdui, month: str, alliance_url: str, tmp_path: Path
) -> None:
    told(tongdui("close", month, "--early"))
    execute(
        alliance_url,
        "UPDATE settlement_nets SET fees = fees + 1, net = net - 1"
        " WHERE participant_id = (SELECT id FROM participants WHERE code = 'JADE')",
    )
    out = tmp_path / "statements"
    answer = told(tongdui("statements", month, "--out", out, "--format", "csv", "--format", "pdf"), 1)
    assert "2 of 6 files could not be made" in answer
    assert "`tongdui verify` tells what was changed" in answer
    assert {path.name for path in out.iterdir()} == {
        f"{month}-{code}-1.{format_}" for code in ("LOTUS", "PINE") for format_ in ("csv", "pdf")
    }
