"""Server processes; as programs they are tested in test_server.py."""

from api.processes import Server

SECONDS_MAX = 30


def test_a_signal_is_heard_while_the_first_process_looks_whether_there_is_one() -> None:
    server = Server("api.worker:make_app")
    held_while_waiting = server.main_loop_interrupt._cond  # type: ignore[attr-defined]
    with held_while_waiting:
        server.signal_handler_interrupt()
    assert server.main_loop_interrupt.wait(SECONDS_MAX)
    assert server.interrupt_signal
