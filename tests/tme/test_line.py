from tme.line import Line


def test_only_edges_are_reported():
    heard = []
    line = Line("irq", heard.append)
    for level in (0, 1, 2, True, 0, False):
        line.set(level)
    assert heard == [True, False]


def test_a_late_listener_hears_a_high_line():
    line, heard = Line(), []
    line.set(True)
    line.connect(heard.append)
    line.disconnect(heard.append)
    line.set(False)
    assert heard == [True, False]
