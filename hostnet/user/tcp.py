"""The end of a TCP connection that the guest sees: sequence numbers, windows, retransmission, no sockets.

Data for the guest goes in by `write`, what the guest sent comes out of `received`. Time is the guest's.
Sources: RFC 793, 1122, 2581 (congestion), 6298 (timer).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hostnet.frames import Ip
from hostnet.user.segment import ACK, DEFAULT_MSS, FIN, MASK, MSS, MSS6, PSH, RST, SYN, Segment, after, build

if TYPE_CHECKING:
    from tme.clock import Clock, Event

WINDOW = 32_767
"""Bytes we offer to take. Old BSD systems read the field as a signed number."""
BUFFER = 131_072
"""Bytes for the guest, sent and waiting."""
STRAY = 64
"""Segments kept that came out of order."""
FIRST_TIMEOUT, SHORTEST, LONGEST = 1_000_000_000, 200_000_000, 60_000_000_000
TRIES, PATIENCE = 10, 5
LINGER = 2_000_000_000
"""How long a finished connection answers a repeated FIN."""


class Connection:
    """One connection. us, them: (address, port); send: takes packets for the guest.

    changed: called when something happened that whoever owns the connection must look at: `established`,
    `received`, `finished` (the guest has sent its last byte), `room`, `dead` (reset, given up or over).
    """

    def __init__(
        self,
        clock: Clock,
        us: tuple[bytes, int],
        them: tuple[bytes, int],
        send: Callable[[Ip], object],
        changed: Callable[[], None],
        first: int,
    ) -> None:
        self.clock, self.us, self.them = clock, us, them
        self._send, self.changed = send, changed
        self.established = self.finished = self.dead = False
        self.reset = False
        """Ended by a RST, or by silence: what was under way is lost."""
        self.received = bytearray()
        self.mss = DEFAULT_MSS
        self._largest = MSS if len(us[0]) == 4 else MSS6
        self.resent = 0
        # sending: una is the first byte not acknowledged, nxt the next one to go; syn and fin count as bytes
        self._out = bytearray()
        self._una = self._nxt = first & MASK
        self._window = 0
        self._closing = self._fin_sent = False
        self._cwnd, self._ssthresh = 0, 65_535
        self._duplicates = 0
        self._recover = self._una
        # timing
        self._timer: Event | None = None
        self._timeout = FIRST_TIMEOUT
        self._srtt: int | None = None
        self._rttvar = 0
        self._timed: tuple[int, int] | None = None
        self._tries = 0
        # receiving
        self._rcv = 0
        self._offered = 0
        self._stray: dict[int, bytes] = {}
        self._their_fin: int | None = None
        self._syn_flags = 0

    # ---- opening ---------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open towards the guest."""
        self._syn_flags = SYN
        self._open()

    def accept(self, segment: Segment) -> None:
        """Answer the guest's SYN."""
        self._rcv = segment.seq + 1 & MASK
        self._take_syn(segment)
        self._syn_flags = SYN | ACK
        self._open()

    def _open(self) -> None:
        self._nxt = self._una + 1 & MASK
        self._emit(self._una, self._syn_flags, mss=self._largest)
        self._arm()

    def _take_syn(self, segment: Segment) -> None:
        self.mss = min(max(segment.mss or DEFAULT_MSS, 64), self._largest)
        self._window = segment.window
        self._cwnd = 4 * self.mss

    # ---- for the owner ---------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Bytes that `write` takes now."""
        return 0 if self._closing or self.dead else max(BUFFER - len(self._out), 0)

    def write(self, data: bytes) -> None:
        """Send bytes to the guest."""
        self._out += data
        self._push()

    def finish(self) -> None:
        """No more bytes for the guest."""
        if not self._closing and not self.dead:
            self._closing = True
            self._push()

    def take(self, count: int) -> None:
        """`count` bytes of `received` have found their place; a window that was shut is opened."""
        del self.received[:count]
        if self._their_fin is None and not self.dead and self._space() - self._offered >= 2 * self.mss:
            self._acknowledge()

    def abort(self) -> None:
        """Reset the connection."""
        if not self.dead:
            if self._syn_flags:
                self._emit(self._nxt, RST | ACK)
            self._die(True)

    # ---- segments in -----------------------------------------------------------------------------------

    def segment(self, segment: Segment) -> None:
        """A segment of the guest."""
        if self.dead:
            return
        if self._syn_flags == SYN and not self.established:
            self._answer_to_syn(segment)
            return
        end = segment.seq + len(segment.data) & MASK
        ahead = segment.seq - self._rcv & MASK
        if ahead >= 0x8000_0000:
            ahead -= 1 << 32
        # outside of the window, wholly before or behind it: say again what we expect
        if ahead > WINDOW or (ahead < 0 and not after(end, self._rcv) and len(segment.data)):
            if not segment.flags & RST:
                self._acknowledge()
                self._acked(segment)
            return
        if segment.flags & RST:
            if 0 <= ahead <= WINDOW:
                self._die(True)
            return
        if segment.flags & SYN:
            if not self.established:
                self._emit(self._una, self._syn_flags, mss=self._largest)
            else:
                self._acknowledge()
            return
        if not segment.flags & ACK:
            return
        if not self._acked(segment) or self.dead:
            return
        if segment.data or segment.flags & FIN:
            self._data(segment, ahead)
        elif ahead < 0:
            self._acknowledge()  # a keep-alive
        self.changed()

    def _answer_to_syn(self, segment: Segment) -> None:
        right = segment.flags & ACK and segment.ack == self._nxt
        if segment.flags & RST:
            if right:
                self._die(True)
        elif segment.flags & SYN and right:
            self._rcv = segment.seq + 1 & MASK
            self._una = segment.ack
            self._take_syn(segment)
            self._disarm()
            self.established = True
            self._acknowledge()
            self.changed()
            self._push()
        elif segment.flags & ACK:
            refusal = Segment(self.us[1], self.them[1], segment.ack, 0, RST, 0, b"")
            self._send(build(self.us[0], self.them[0], refusal))

    def _acked(self, segment: Segment) -> bool:
        """Take the acknowledgement; False when it is impossible."""
        ack = segment.ack
        if after(ack, self._nxt):
            self._acknowledge()
            return False
        if not self.established:
            if ack != self._nxt:
                return False
            self.established = True
            self._una = ack
            self._window = segment.window
            self._disarm()
            return True
        grew = segment.window > self._window
        if after(ack, self._una):
            self._progress(ack)
            self._window = segment.window
        elif ack == self._una:
            same = segment.window == self._window and not segment.data and not segment.flags & FIN
            self._window = segment.window
            if same and self._nxt != self._una and self._window:
                self._duplicate()
            elif grew:
                self._tries = 0
            elif not self._window:  # alive, and may keep its window shut as long as it likes
                self._tries = min(self._tries, PATIENCE)
        self._push()
        return True

    def _progress(self, ack: int) -> None:
        count = ack - self._una & MASK
        self._tries = self._duplicates = 0
        if self._timed is not None and not after(self._timed[0], ack):
            self._measure(self.clock.now - self._timed[1])
        if self._cwnd < self._ssthresh:
            self._cwnd += min(count, 2 * self.mss)
        else:
            self._cwnd += max(self.mss * self.mss // self._cwnd, 1)
        self._cwnd = min(self._cwnd, 1 << 20)
        fin = count > len(self._out)
        del self._out[:count]
        self._una = ack
        if (
            after(self._recover, ack) and self._nxt != ack
        ):  # one loss of several: the next one, too (RFC 6582)
            self._again()
        if fin and self._closing:
            self._fin_acked()
        if not self.dead:
            self._disarm()
            if self._una != self._nxt:
                self._arm()

    def _fin_acked(self) -> None:
        if self.finished:
            self._linger()

    def _linger(self) -> None:
        self.clock.after(LINGER, lambda: self._die(False))

    def _duplicate(self) -> None:
        self._duplicates += 1
        if self._duplicates == 3:
            flight = self._nxt - self._una & MASK
            self._ssthresh = max(flight // 2, 2 * self.mss)
            self._cwnd = self._ssthresh
            self._recover = self._nxt
            self._again()

    def _data(self, segment: Segment, ahead: int) -> None:
        """Bytes and the end of the guest's stream, in order or not."""
        data = segment.data
        if segment.flags & FIN and self._their_fin is None:
            self._their_fin = segment.seq + len(data) & MASK
        if ahead < 0:
            data = data[-ahead:]
        seq = self._rcv if ahead < 0 else segment.seq
        if data and seq != self._rcv:
            if len(self._stray) < STRAY:
                self._stray.setdefault(seq, data)
        else:
            self._append(data)
            self._unstray()
        if self._their_fin == self._rcv and not self.finished:
            self._rcv = self._rcv + 1 & MASK
            self.finished = True
            if self._fin_sent and self._una == self._nxt:
                self._linger()
        self._acknowledge()

    def _append(self, data: bytes) -> None:
        data = data[: max(WINDOW - len(self.received), 0)]
        if not self.finished:
            self.received += data
            self._rcv = self._rcv + len(data) & MASK

    def _unstray(self) -> None:
        while self._stray:
            for seq in sorted(self._stray, key=lambda seq: seq - self._rcv + 0x8000_0000 & MASK):
                if after(seq, self._rcv):
                    return
                data = self._stray.pop(seq)
                self._append(data[self._rcv - seq & MASK :])
                break

    # ---- segments out ----------------------------------------------------------------------------------

    def _space(self) -> int:
        return max(WINDOW - len(self.received), 0)

    def _emit(self, seq: int, flags: int, data: bytes = b"", mss: int | None = None) -> None:
        self._offered = self._space()
        ack = self._rcv if flags & ACK else 0
        made = Segment(self.us[1], self.them[1], seq, ack, flags, self._offered, data, mss)
        self._send(build(self.us[0], self.them[0], made))

    def _acknowledge(self) -> None:
        self._emit(self._nxt, ACK)

    def _push(self) -> None:
        """Send what the windows allow."""
        if not self.established or self.dead:
            return
        while not self._fin_sent:
            sent = self._nxt - self._una & MASK
            waiting = len(self._out) - sent
            allowed = min(self._window, self._cwnd) - sent
            if waiting <= 0:
                if self._closing:
                    self._fin_sent = True
                    self._emit(self._nxt, FIN | ACK)
                    self._nxt = self._nxt + 1 & MASK
                    self._arm()
                break
            count = min(waiting, allowed, self.mss)
            if count <= 0 or (count < self.mss and count < waiting and sent):  # no silly windows
                break
            data = bytes(self._out[sent : sent + count])
            self._emit(self._nxt, ACK | (PSH if count == waiting else 0), data)
            self._nxt = self._nxt + count & MASK
            if self._timed is None:
                self._timed = self._nxt, self.clock.now
            self._arm()
        if self._out and self._timer is None:
            self._arm()  # the guest's window is shut: ask again some time

    def _again(self) -> None:
        """Send the first thing that is not acknowledged once more."""
        self.resent += 1
        self._timed = None
        if not self.established:
            self._emit(self._una, self._syn_flags, mss=self._largest)
        elif self._out:
            room = self.mss if self._nxt != self._una else 1
            data = bytes(self._out[: max(min(room, self._window), 1)])
            self._emit(self._una, ACK | PSH, data)
            if after(self._una + len(data) & MASK, self._nxt):  # a probe of a shut window
                self._nxt = self._una + len(data) & MASK
        elif self._fin_sent:
            self._emit(self._una, FIN | ACK)

    # ---- time ------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None:
            wait = min(self._timeout << self._tries, LONGEST)
            self._timer = self.clock.after(wait, self._expired)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expired(self) -> None:
        self._timer = None
        if self.dead or (self._una == self._nxt and not self._out):
            return
        self._tries += 1
        if self._tries > TRIES:
            self.abort()
            self.changed()
            return
        if self._nxt != self._una and self.established:
            self._ssthresh = max((self._nxt - self._una & MASK) // 2, 2 * self.mss)
            self._cwnd = self.mss
            self._recover = self._nxt
        self._again()
        self._arm()

    def _measure(self, sample: int) -> None:
        self._timed = None
        if self._srtt is None:
            self._srtt, self._rttvar = sample, sample // 2
        else:
            self._rttvar += (abs(self._srtt - sample) - self._rttvar) // 4
            self._srtt += (sample - self._srtt) // 8
        self._timeout = min(max(self._srtt + 4 * self._rttvar, SHORTEST), LONGEST)

    def _die(self, reset: bool) -> None:
        if self.dead:
            return
        self._disarm()
        self.dead, self.reset = True, reset
        self.changed()
