"""Poems in the public domain, for models of characters.

A. S. Pushkin (1799-1837) in today's orthography; W. Shakespeare (1564-1616) in modern spelling.
"""

from __future__ import annotations

_POEMS = {
    "ru": {
        "К***": """\
Я помню чудное мгновенье:
Передо мной явилась ты,
Как мимолётное виденье,
Как гений чистой красоты.

В томленьях грусти безнадежной,
В тревогах шумной суеты,
Звучал мне долго голос нежный
И снились милые черты.

Шли годы. Бурь порыв мятежный
Рассеял прежние мечты,
И я забыл твой голос нежный,
Твои небесные черты.

В глуши, во мраке заточенья
Тянулись тихо дни мои
Без божества, без вдохновенья,
Без слёз, без жизни, без любви.

Душе настало пробужденье:
И вот опять явилась ты,
Как мимолётное виденье,
Как гений чистой красоты.

И сердце бьётся в упоенье,
И для него воскресли вновь
И божество, и вдохновенье,
И жизнь, и слёзы, и любовь.
""",
        "Зимнее утро": """\
Мороз и солнце; день чудесный!
Ещё ты дремлешь, друг прелестный —
Пора, красавица, проснись:
Открой сомкнуты негой взоры
Навстречу северной Авроры,
Звездою севера явись!

Вечор, ты помнишь, вьюга злилась,
На мутном небе мгла носилась;
Луна, как бледное пятно,
Сквозь тучи мрачные желтела,
И ты печальная сидела —
А нынче... погляди в окно:

Под голубыми небесами
Великолепными коврами,
Блестя на солнце, снег лежит;
Прозрачный лес один чернеет,
И ель сквозь иней зеленеет,
И речка подо льдом блестит.

Вся комната янтарным блеском
Озарена. Весёлым треском
Трещит затопленная печь.
Приятно думать у лежанки.
Но знаешь: не велеть ли в санки
Кобылку бурую запречь?

Скользя по утреннему снегу,
Друг милый, предадимся бегу
Нетерпеливого коня
И навестим поля пустые,
Леса, недавно столь густые,
И берег, милый для меня.
""",
    },
    "en": {
        "Sonnet 18": """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
But thy eternal summer shall not fade
Nor lose possession of that fair thou ow'st;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st:
So long as men can breathe or eyes can see,
So long lives this, and this gives life to thee.
""",
        "Sonnet 116": """\
Let me not to the marriage of true minds
Admit impediments. Love is not love
Which alters when it alteration finds,
Or bends with the remover to remove:
O, no! it is an ever-fixed mark,
That looks on tempests and is never shaken;
It is the star to every wandering bark,
Whose worth's unknown, although his height be taken.
Love's not Time's fool, though rosy lips and cheeks
Within his bending sickle's compass come;
Love alters not with his brief hours and weeks,
But bears it out even to the edge of doom.
If this be error and upon me prov'd,
I never writ, nor no man ever lov'd.
""",
    },
}


def poem(language: str = "ru", title: str | None = None) -> str:
    """A poem as one text with line ends; the first of the language if no title is given.

    ru: "К***" (1825), "Зимнее утро" (1829), by A. S. Pushkin. en: "Sonnet 18", "Sonnet 116" (1609),
    by W. Shakespeare.
    """
    if language not in _POEMS:
        raise ValueError(f"no poems in {language!r}; there are {', '.join(_POEMS)}")
    poems = _POEMS[language]
    if title is None:
        return next(iter(poems.values()))
    if title not in poems:
        raise ValueError(f"no poem {title!r} in {language!r}; there are {', '.join(poems)}")
    return poems[title]
