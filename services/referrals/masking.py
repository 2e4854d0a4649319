"""What a reporter could be known by, hidden in what leaves the system on paper. Pure.

Numbers, addresses and the usual ways to write one's own name are found, however they are spaced or typed. Other names
in a free text can't be told from those the complaint is about: the officer reads the letter before it is sent, and of
a guarded case no word of the reporter's is printed at all.
"""

import re
import unicodedata
from collections.abc import Iterator

HIDDEN = "（号码已隐去）"
NAME_HIDDEN = "（姓名已隐去）"

_NUMERALS = str.maketrans("〇○零幺一二三四五六七八九壹贰叁肆伍陆柒捌玖", "0001123456789123456789")
_COMMA = "，"
"""Stands between clauses, so between the numbers of each: the half-width one between the digits of one number too."""
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
"""Zero-width characters, marks that turn a digit into a picture."""

_BETWEEN = r"[ \t\-‐‑‒–—―−_.,·•・*/|()]{0,3}"
_RUN = re.compile(
    r"[A-Z]{0,3}"  # passports and travel permits begin with letters
    r"(?:\+|\((?=\+?\d{2,5}\))){0,2}"
    rf"\d(?:{_BETWEEN}\d){{6,}}"  # telephone, identity card, bank card, in any grouping
    rf"(?:{_BETWEEN}X(?![A-Z]))?",
    re.IGNORECASE,
)
_DATE = r"(?:19|20)\d\d[-./](?:1[0-2]|0?[1-9])[-./](?:3[01]|[12]\d|0?[1-9])"
_PLAIN = re.compile(
    rf"{_DATE}(?: *[-–—] *{_DATE}| +\d{{1,6}})?"  # a day, two days, a day and what follows it
    r"|\d{1,6}\.\d{1,2}|\d{1,3}(?:,\d{3}){1,2}(?:\.\d{1,2})?"  # an amount
)
_YUAN = re.compile(r" ?(?:元(?!旦)|块|人民币)")
_YEARS = re.compile(r"(?:(?:19|20)\d\d *[-–—] *){1,3}(?:19|20)\d\d")
_AMOUNT = re.compile(r"\d{7,9}(?:\.\d{1,2})?")

_WORD = r"[a-z0-9_.\-]"
_ADDRESSES = re.compile(
    r"(?<![a-z0-9._%+\-])[a-z0-9._%+\-]+ ?(?:@|[(\[]at[)\]]) ?[a-z0-9\-]+(?: ?[.。] ?[a-z0-9\-]+)+"  # mail
    r"|(?:微信|威信|薇信|v信|(?<![a-z])(?:vx|wx|wechat|weixin|qq|telegram|whatsapp)|扣扣|抖音|钉钉)"
    rf"(?:号码?|账号|帐号|id)?[ :是为=(@]{{0,4}}(?:{_WORD}{{5,30}}|\d(?: ?\d){{4,}})"
    rf"|(?:(?<![a-z])v *:|加 ?v *:?) *{_WORD}{{5,30}}",
    re.IGNORECASE,
)

# The surnames that nearly everybody has (公安部, 全国姓名报告), but for those that begin a verb or an adverb as often.
_SURNAME = (
    r"(?:欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯|长孙|宇文|"
    r"[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    r"谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱丘江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施牛葛"
    r"柴樊庞殷倪翁齐梅庄辛管祝左涂谷舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍霍翟隋甘景单包司柏宁柯"
    r"阮桂闵解强柳喻岳沙喜敖丛佟佘仇])"
)
_TITLE = "医生|主任|院长|护士|老师|大夫|科长|书记"
_VERBS = "是系在的和与及住来自因为于有患被把对去到就也不电手男女身今现年从向我你他她"
_GIVEN = rf"(?!{_TITLE})[一-鿿](?:(?![{_VERBS}])[一-鿿〇○])?"
_CALLED = rf"(?:{_SURNAME}{_GIVEN}|[一-鿿]{{1,8}}(?:[·•・][一-鿿]{{1,8}})+)"
_ENDS = r"(?=$|[\s,，.;:!?。、；：()\[\]系是男女]|电话|手机|身份证)"
_NAMES = re.compile(
    rf"(?:我(?:的名字|名字)?(?:叫做?|名叫)|我的(?:姓名|名字)[是为:]?|本人(?:姓名|名字)?(?:[是为:]|名?叫做?))\s*(?P<a>{_CALLED})"
    rf"|(?:我是|本人系?[,，:(]?\s*)(?!陈述|强烈)(?P<b>{_CALLED}){_ENDS}"
    r"|(?<!被)(?:举报|反映|投诉|信访|申诉|控告|检举|联系|署名|具名|申请)人(?:姓名)?\s*:\s*(?P<c>[一-鿿·]{2,4})"
)
_ENDING = re.compile(r"\.(?:[a-z][a-z0-9]{1,3}|3gp)\Z", re.IGNORECASE)
"""Says what kind of file it is, and hardly more."""


def masked(text: str) -> str:
    """The text without the numbers, addresses and own names that are found in it; all else is as it was written."""
    folded, places = _folded(text)
    return _without(text, places, _found(folded, folded, folded))


def masked_name(name: str) -> str:
    """The name of a file alike; an underscore stands for what parts a number's digits, and for the colon before a name.
    What kind of file it is stays."""
    folded, places = _folded(name)
    found = _found(folded, folded.replace("_", "-"), folded.replace("_", ":"))
    hidden, ending = _without(name, places, found), _ENDING.search(name)
    return hidden if ending is None or hidden.endswith(ending[0]) else hidden + ending[0]


def _found(addresses: str, numbers: str, names: str) -> list[tuple[int, int, str]]:
    """Where something is to be hidden, and what stands for it; of one text, as each is looked for in."""
    hidden = [(*match.span(), HIDDEN) for match in _ADDRESSES.finditer(addresses)]
    hidden += [(*span, HIDDEN) for span in _runs(numbers.translate(_NUMERALS))]
    hidden += [(*match.span(match.lastgroup or 0), NAME_HIDDEN) for match in _NAMES.finditer(names)]
    return sorted(hidden)


def _without(text: str, places: list[int], hidden: list[tuple[int, int, str]]) -> str:
    out, done = [], 0
    for start, end, told in hidden:
        begin, until = places[start], places[end - 1] + 1
        if until <= done:
            continue
        if begin >= done:
            out += [text[done:begin], told]
        done = until
    return "".join([*out, text[done:]])


def _folded(text: str) -> tuple[str, list[int]]:
    """The text in compatibility characters (NFKC) without unseen ones, and where each character of it stood."""
    folded = [
        (char, place)
        for place, written in enumerate(text)
        for char in (written if written == _COMMA else unicodedata.normalize("NFKC", written))
        if unicodedata.category(char) not in _UNSEEN
    ]
    return "".join(char for char, _ in folded), [place for _, place in folded]


def _runs(folded: str) -> Iterator[tuple[int, int]]:
    """Where seven digits or more stand together that are no date and no amount."""
    for match in _RUN.finditer(folded):
        said, end = match[0], match.end()
        amount = _AMOUNT.fullmatch(said) and _YUAN.match(folded, end)
        years = _YEARS.fullmatch(said) and folded.startswith("年", end)
        if not (_PLAIN.fullmatch(said) or amount or years):
            yield match.span()
