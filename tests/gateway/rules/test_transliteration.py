import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.transliteration import transliterated
from protocol.text import unencodable


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("‘a’ ‚b‛ `c` d′ O´Neil Hawaiʻi", "'a' 'b' 'c' d' O'Neil Hawai'i"),
        ("“a” „b‟ «c» 5″ ‹d›", '"a" "b" "c" 5" <d>'),
        ("a‐b‑c‒d–e—f―g−h", "a-b-c-d-e-f-g-h"),
        ("wait… ⋯", "wait... ..."),
        ("a\u00a0b\u2009c\u202fd\u3000e\tf", "a b c d e f"),
        ("a\u200bb\u200dc\ufeffd\u200ee\u2066f", "abcdef"),
        ("hy\u00adphen", "hyphen"),
        ("a\u2028b\u0085c", "a\nb\nc"),
        ("• one · two", "* one * two"),
        ("3×4÷2 ±1 ≤2 ≥1 a→b", "3x4/2 +/-1 <=2 >=1 a->b"),
        ("Acme™ ©2026 ® №5 ₹500", "Acme(TM) (C)2026 (R) No5 Rs.500"),
        ("½ 1½ ¼ ¾", "1/2 1 1/2 1/4 3/4"),
        ("Žižek Łódź đ ő ţ ț ğ ı", "Zizek Lodz d o t t g i"),
        ("Tiếng Việt ươ", "Tieng Viet uo"),
        ("Œuvre œ Þór ð", "OEuvre oe Thor d"),
        ("ÁÂÃÀÊËÈÍÎÏÌÓÔÕÒÚÛÙÝ", "AAAAEEEIIIIOOOOUUUY"),
        ("Καλημέρα ΚΟΣΜΕ", "KAΛHMEPA KOΣME"),
        ("ＡＢＣ１２３！", "ABC123!"),
        ("ﬁn ﬂow", "fin flow"),
    ],
    ids=[
        "single quotes",
        "double quotes",
        "dashes",
        "ellipsis",
        "blanks",
        "what nobody sees",
        "soft hyphen",
        "line separators",
        "bullets",
        "calculation",
        "marks",
        "fractions",
        "European letters",
        "Vietnamese",
        "letters without an accent",
        "capitals",
        "Greek goes in capitals",
        "wide forms",
        "ligatures",
    ],
)
def test_signs_and_letters_that_gsm_lacks_have_plain_ones(text, plain):
    assert transliterated(text) == plain


@pytest.mark.parametrize("text", ["@£$¥èéùìòÇØøÅåΔΦÆæßÉ€äöñüà{}", "Жук", "中文", "🙂", "10²", "25°", "ͺ"])
def test_what_gsm_has_and_what_nothing_stands_for_stays(text):
    assert transliterated(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]).filter(lambda character: unencodable(character) is None)))
def test_a_text_that_gsm_carries_is_not_changed(text):
    assert transliterated(text) == text


@given(st.text())
def test_a_text_is_transliterated_once(text):
    once = transliterated(text)
    assert transliterated(once) == once
