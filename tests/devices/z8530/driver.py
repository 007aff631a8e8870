"""Both ends of a serial line: a driver's bus cycles, and a terminal that remembers everything."""

from tme.args import Args
from tme.element import Element
from tme.port import SerialPort

CHARACTER = 1_041_666  # 10 bits at 9600 baud
B_CONTROL, B_DATA, A_CONTROL, A_DATA = 0, 2, 4, 6


class Terminal(Element):
    """The other end of a line: remembers everything."""

    module = "test/terminal"

    def __init__(self, name, machine):
        super().__init__(name, Args(), machine)
        self.got, self.breaks, self.lines, self.room = b"", [], {}, 4096
        self.port = SerialPort(
            self,
            receive=self.receive,
            on_break=self.breaks.append,
            on_line=self.lines.__setitem__,
            want=lambda: self.room,
        )

    def receive(self, data):
        self.got += data

    def ports(self, args):
        return [self.port]


class Driver:
    """Bus cycles on one channel of the board."""

    def __init__(self, machine, zs, channel="A"):
        self.registers, self.clock = zs.registers, machine.clock
        self.control = A_CONTROL if channel == "A" else B_CONTROL
        self.channel = zs.chip.a if channel == "A" else zs.chip.b

    def write(self, register, value):
        if register:
            self.registers.write(self.control, 1, register & 7 | (8 if register > 7 else 0))
        self.registers.write(self.control, 1, value)

    def read(self, register=0):
        if register:
            self.registers.write(self.control, 1, register & 7 | (8 if register > 7 else 0))
        return self.registers.read(self.control, 1)

    def command(self, code):
        self.registers.write(self.control, 1, code << 3)

    def put(self, value):
        self.registers.write(self.control + 2, 1, value)

    def get(self):
        return self.registers.read(self.control + 2, 1)

    def setup(self, wr1=0, wr14=0x03, wr15=0, wr3=0xC1, wr5=0xEA):
        """9600 baud, 8 bits, no parity, one stop bit: clock x16, time constant 14."""
        for register, value in (
            (4, 0x44),
            (3, wr3),
            (5, wr5),
            (11, 0x50),
            (12, 14),
            (13, 0),
            (14, wr14),
            (15, wr15),
            (1, wr1),
        ):
            self.write(register, value)

    def fill(self, *characters):
        """Let characters arrive and the time pass that they need."""
        self.channel.receive(bytes(characters))
        self.clock.advance(CHARACTER * (len(characters) + 1))
