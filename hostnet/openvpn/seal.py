"""Encryption with a shared key: our own protocol, as OpenVPN's static keys let recordings in after a restart.

    hello   1, state, sender's X25519 key, the other's key or zeros, HMAC-SHA256 with the shared key
    data    2, counter (8 bytes), ChaCha20-Poly1305 of the payload, nonce = counter, bound to these two

Keys of a session, one for each direction, come by HKDF from the shared key and the exchange of two keys made
for this session, so neither recordings nor a shared key that leaks later open old sessions. A hello counts
only when it answers our newest key: recorded ones change nothing. Counters go up; a window lets late packets
in once.
Sources: RFC 5869, 7748, 8439.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tme.errors import TmeError

if TYPE_CHECKING:
    from tme.clock import Clock, Event

HELLO, DATA = 1, 2
KNOWN, CONFIRMED = 1, 2
"""What the sender of a hello has: the session that the two keys make; word that the other end has it, too."""
HELLO_SIZE = 2 + 32 + 32 + 32
DATA_HEAD = 9
OVERHEAD = DATA_HEAD + 16
NOBODY = bytes(32)
WINDOW = 1024
AGAIN = 1_000_000_000
ANSWER_GAP = 20_000_000
MOST = (1 << 64) - 1
BEGIN, END = "-----BEGIN OpenVPN Static key V1-----", "-----END OpenVPN Static key V1-----"


def read_key(path: Path) -> bytes:
    """A static key file, as `openvpn --genkey secret FILE` writes it. Raises TmeError."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise TmeError(f"cannot read the key {path}: {error.strerror}") from None
    match = re.search(re.escape(BEGIN) + r"([0-9a-fA-F\s]+)" + re.escape(END), text)
    key = (
        bytes.fromhex("".join(match[1].split())) if match and len("".join(match[1].split())) % 2 == 0 else b""
    )
    if len(key) != 256:
        raise TmeError(f"{path} is no static key; make one with `openvpn --genkey secret {path}`")
    return key


def primitives() -> Any:
    """The modules of `cryptography` that are used. Raises TmeError without it."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import x25519
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        raise TmeError("an encrypted link needs the package: pip install 'tmesh[crypto]'") from None
    return InvalidTag, hashes, x25519, ChaCha20Poly1305, HKDF


class Session:
    """Keys that two ends have agreed upon."""

    def __init__(self, mine: bytes, theirs: bytes, send: Any, receive: Any) -> None:
        self.mine, self.theirs = mine, theirs
        self.sealer, self.opener = send, receive
        self.counter = 0
        self.highest = 0
        self.window = 0

    def fresh(self, counter: int) -> bool:
        """Whether a counter has not been seen; it counts as seen from now on."""
        if counter > self.highest:
            self.window = (self.window << min(counter - self.highest, WINDOW) | 1) & (1 << WINDOW) - 1
            self.highest = counter
            return True
        age = self.highest - counter
        if not counter or age >= WINDOW or self.window >> age & 1:
            return False
        self.window |= 1 << age
        return True


class Seal:
    """One end. send: takes packets for the wire; deliver: takes payloads; changed: the session is up."""

    def __init__(
        self,
        clock: Clock,
        key: bytes,
        send: Callable[[bytes], object],
        deliver: Callable[[bytes], object],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self.clock, self.key = clock, key
        self._send, self._deliver, self._changed = send, deliver, changed
        self._tag, self._hashes, self._x25519, self._aead, self._hkdf = primitives()
        self.session: Session | None = None
        self.confirmed = False
        """The other end has shown that it has the session's keys."""
        self.refused = 0
        self._auth = hashlib.sha256(b"tmesh hello" + key).digest()
        self._last: int | None = None
        self._timer: Event | None = None
        self._closed = False
        self._new_key()

    # ---- out -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask for a session, again and again until there is one."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.confirmed:
            if self.session is None:
                self._hello(self._public, NOBODY)
            else:
                self._hello(self.session.mine, self.session.theirs)
            self._timer = self.clock.after(AGAIN, self._again)

    def _again(self) -> None:
        self._timer = None
        self.start()

    def restart(self) -> None:
        """Forget the session: the other end has fallen silent."""
        self.session, self.confirmed = None, False
        self._new_key()
        self.start()

    def close(self) -> None:
        """Say nothing more."""
        self._closed = True

    def seal(self, payload: bytes) -> None:
        """Send a payload; lost while there is no session, as on any network."""
        session = self.session
        if session is None or session.counter >= MOST:
            return
        session.counter += 1
        head = bytes((DATA,)) + session.counter.to_bytes(8, "big")
        self._send(head + session.sealer.encrypt(b"\0\0\0\0" + head[1:], payload, head))

    def _hello(self, mine: bytes, theirs: bytes) -> None:
        known = self.session is not None and (mine, theirs) == (self.session.mine, self.session.theirs)
        state = (KNOWN | CONFIRMED * self.confirmed) if known else 0
        body = bytes((HELLO, state)) + mine + theirs
        self._send(body + hmac.digest(self._auth, body, "sha256"))

    # ---- in --------------------------------------------------------------------------------------------

    def open(self, packet: bytes) -> bool:
        """A packet of the wire; True when it comes from somebody with the key, now and not again."""
        if packet[:1] == bytes((DATA,)) and len(packet) >= OVERHEAD:
            good = self._data(packet)
        elif len(packet) == HELLO_SIZE and packet[0] == HELLO:
            good = self._greeted(packet)
        else:
            good = False
        self.refused += not good
        return good

    def _data(self, packet: bytes) -> bool:
        session = self.session
        if session is None:
            return False
        head = packet[:DATA_HEAD]
        try:
            payload = session.opener.decrypt(b"\0\0\0\0" + head[1:], packet[DATA_HEAD:], head)
        except self._tag:
            return False
        if not session.fresh(int.from_bytes(head[1:], "big")):
            return False
        if not self.confirmed:
            self._confirm()
        self._deliver(payload)
        return True

    def _greeted(self, packet: bytes) -> bool:
        body, tag = packet[:-32], packet[-32:]
        if not hmac.compare_digest(hmac.digest(self._auth, body, "sha256"), tag):
            return False
        their_state, theirs, mine = packet[1], packet[2:34], packet[34:66]
        session = self.session
        if session is not None and (theirs, mine) == (session.theirs, session.mine):
            if their_state & KNOWN and not self.confirmed:
                self._confirm()
            if not their_state & CONFIRMED:
                self._answer(session.mine, session.theirs)
            return True
        if mine != self._public:  # not an answer to us, or to a key that is over: it may be a recording
            self._answer(self._public, theirs)
            return False
        agreed = self._agree(theirs)
        if agreed is None:
            return False
        self.session, self.confirmed = agreed, bool(their_state & KNOWN)
        self._new_key()
        self._hello(agreed.mine, agreed.theirs)
        if self.confirmed:
            self._changed()
        else:
            self.start()
        return True

    def _confirm(self) -> None:
        self.confirmed = True
        self._changed()

    def _answer(self, mine: bytes, theirs: bytes) -> None:
        now = self.clock.now
        if self._last is None or now - self._last >= ANSWER_GAP:
            self._last = now
            self._hello(mine, theirs)

    # ---- keys ------------------------------------------------------------------------------------------

    def _new_key(self) -> None:
        self._private = self._x25519.X25519PrivateKey.generate()
        self._public: bytes = self._private.public_key().public_bytes_raw()

    def _agree(self, theirs: bytes) -> Session | None:
        mine = self._public
        if theirs == mine:  # our own packet, reflected
            return None
        try:
            shared = self._private.exchange(self._x25519.X25519PublicKey.from_public_bytes(theirs))
        except ValueError:
            return None
        first, second = sorted((mine, theirs))
        derive = self._hkdf(self._hashes.SHA256(), 64, first + second, b"tmesh link")
        keys = derive.derive(self.key + shared)
        pair = self._aead(keys[:32]), self._aead(keys[32:])
        send, receive = pair if mine == first else pair[::-1]
        return Session(mine, theirs, send, receive)
