"""The texts for packet filters that are not here, against the grammars of their manuals.

NPF: npf.conf(5) and npfctl's npf_parse.y; PF: pf.conf(5), GRAMMAR. That is what Linux can tell of them: no
NetBSD or FreeBSD has loaded them.
"""

import re

import pytest

from hostnet.nat.rules import Nat, manual, npf

RULES = [Nat("tap0", "wm0", "10.0.77.0/24"), Nat("tap0", "wm0", "fd00:77::/64")]

NPF_TOKENS = [
    (
        "keyword",
        r"(?:map|dynamic|static|group|default|pass|block|stateful|in|out|final|on|family|all|from|to)\b",
    ),
    ("family", r"(?:inet4|inet6|ifaddrs)\b"),
    ("address", r"[0-9a-f]*[.:][0-9a-f.:]*(?:/\d+)?"),
    ("variable", r"\$\w+"),
    ("string", r'"[^"\n]*"'),
    ("name", r"[a-zA-Z]\w*"),
    ("sign", r"->|<->|<-|[={},()]"),
    ("end", r"\n"),
]
PF_TOKENS = [
    ("keyword", r"(?:nat|on|inet6?|from|to|any)\b"),
    ("address", r"[0-9a-f]*[.:][0-9a-f.:]*(?:/\d+)?"),
    ("name", r"[a-zA-Z]\w*"),
    ("sign", r"->|[()]"),
    ("end", r"\n"),
]


def tokens(text, kinds):
    """The text as words: keywords and signs as they are, other tokens as their kinds."""
    found, at = [], 0
    text = re.sub(r"#[^\n]*", "", text)
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        for kind, pattern in kinds:
            if match := re.compile(pattern).match(text, at):
                found.append(
                    {"end": ";", "family": match[0]}.get(
                        kind, match[0] if kind in ("keyword", "sign") else kind
                    )
                )
                at = match.end()
                break
        else:
            raise AssertionError(f"not a token: {text[at : at + 20]!r}")
    return " ".join(found) + " "


IF = "(?:variable|string|name) "
PLACE = rf"(?:(?:inet4|inet6|ifaddrs) \( {IF}\) )"
ELEMENT = rf"(?:variable |string |name |address |{PLACE})"
SEGMENT = rf"(?:address |variable |{PLACE})"
RULE = (
    rf"(?:pass |block )(?:stateful )?(?:in |out )?(?:final )?(?:on {IF})?(?:family inet[46] )?"
    rf"(?:all |from {SEGMENT})"
)
NPF = re.compile(
    rf"(?:variable = (?:{ELEMENT}|\{{ {ELEMENT}(?:, {ELEMENT})*\}} );"
    rf"|map {IF}(?:static |dynamic )?{SEGMENT}(?:-> |<- |<-> ){SEGMENT};"
    rf"|group (?:default |string (?:in |out )?(?:on {IF})?)\{{ (?:; |{RULE}; )*\}} ;"
    rf"|;| )*"
)
PF = re.compile(
    r"(?:(?:nat (?:on name )?(?:inet |inet6 )?from (?:address|any) to (?:address|any) -> \( name \) )?; )*"
)


@pytest.mark.parametrize("rules", [RULES[:1], RULES[1:], RULES], ids=["inet", "inet6", "both"])
def test_npf(rules):
    text = npf(rules)
    assert NPF.fullmatch(tokens(text, NPF_TOKENS))
    assert text.count("group default {") == 1  # there has to be one
    assert text.count('group "tme wm0" on "wm0"') == 1
    assert text.count("map ") == len(rules)
    assert "npfctl reload" in manual("npf", rules)


@pytest.mark.parametrize("rules", [RULES[:1], RULES[1:], RULES], ids=["inet", "inet6", "both"])
def test_pf(rules):
    text = manual("pf", rules)
    assert PF.fullmatch(tokens(text, PF_TOKENS))
    assert "pfctl -a tme -f tme.pf" in text
    assert all(rule.pf() in text for rule in rules)


@pytest.mark.parametrize(
    "text",
    [
        "map $a dynamic 10.0.0.0/8\n",
        "map dynamic 10.0.0.0/8 -> $b\n",
        "group default { pass all }\n",
        'group "x" on wm0 {\n\tpass final stateful all\n}\n',
        "$a = ifaddrs $b\n",
    ],
)
def test_the_grammar_can_say_no(text):
    assert not NPF.fullmatch(tokens(text, NPF_TOKENS))


def test_the_family_is_told():
    assert [rule.pf() for rule in RULES] == [
        "nat on wm0 inet from 10.0.77.0/24 to any -> (wm0)\n",
        "nat on wm0 inet6 from fd00:77::/64 to any -> (wm0)\n",
    ]
    assert "sysctl -w net.inet6.ip6.forwarding=1;" in manual("npf", RULES[1:])
    assert "sysctl -w net.inet.ip.forwarding=1 net.inet6.ip6.forwarding=1;" in manual("npf", RULES)
    assert "nft delete table ip tme; nft delete table ip6 tme" in manual("nft", RULES)
