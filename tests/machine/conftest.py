"""Boards that tests made, closed behind them."""

import pytest

from tests.machine.board import Board, assemble

ENGINES = ("concrete", "interp")


@pytest.fixture
def boards():
    made = []
    yield made
    for board in made:
        board.close()


@pytest.fixture(params=ENGINES)
def board(request, tmp_path, boards):
    """board(source): the machine with that program, having run to its end."""

    def run(source, **more):
        boards.append(Board(assemble(source, tmp_path), request.param, **more))
        return boards[-1].run()

    return run
