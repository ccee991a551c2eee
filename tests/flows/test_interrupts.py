"""Ctrl-C waits for what is being written, once."""

from __future__ import annotations

import signal
import threading

import pytest

from hookctl.flows.interrupts import interrupt_afterwards


def test_a_first_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupt_afterwards():  # noqa: PT012 - both ends of the block count
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    assert done == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupt_afterwards():  # noqa: PT012 - both ends of the block count
        signal.raise_signal(signal.SIGINT)
        done.append("first")
        signal.raise_signal(signal.SIGINT)
        done.append("second")
    assert done == ["first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_in_the_block_is_not_hidden_and_the_handler_is_back() -> None:
    with pytest.raises(ValueError, match="broke"), interrupt_afterwards():
        raise ValueError("broke")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_is_left_alone() -> None:
    ran = threading.Event()

    def work() -> None:
        with interrupt_afterwards():
            ran.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert ran.is_set()
