"""Numbers in words, from the grammar's own rules: what the texts of prompts/ are held against, line by line."""

from __future__ import annotations

UNITS = ("", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
TENS = ("", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто")
HUNDREDS = ("", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот")
UNITS_OF = ("", "одной", "двух", "трёх", "четырёх", "пяти", "шести", "семи", "восьми", "девяти")
#: один-, две- … before -надцать and -надцати.
TEENS = ("", "один", "две", "три", "четыр", "пят", "шест", "сем", "восем", "девят")
ENGLISH = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
ENGLISH_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def cardinal(number: int) -> str:
    """Nominative, masculine: сто двадцать три."""
    hundred, rest = divmod(number, 100)
    if rest == 10:
        small = "десять"
    elif 10 < rest < 20:
        small = TEENS[rest - 10] + "надцать"
    else:
        small = f"{TENS[rest // 10]} {UNITS[rest % 10]}"
    return " ".join(f"{HUNDREDS[hundred]} {small}".split())


def genitive(number: int) -> str:
    """Genitive, feminine, below sixty: двадцати одной."""
    if number == 10:
        return "десяти"
    if 10 < number < 20:
        return TEENS[number - 10] + "надцати"
    tens = {0: "", 40: "сорока", 50: "пятидесяти"}.get(number - number % 10) or TENS[number // 10].replace("ть", "ти")
    return f"{tens} {UNITS_OF[number % 10]}".strip()


def minutes_of(number: int) -> str:
    """двадцати одной минуты, пяти минут."""
    return f"{genitive(number)} {'минуты' if number % 10 == 1 and number != 11 else 'минут'}"


def accusative_minutes(number: int) -> str:
    """одну минуту, две минуты, пять минут."""
    words = cardinal(number)
    if number in (11, 12, 13, 14) or number % 10 not in (1, 2, 3, 4):
        return f"{words} минут"
    if number % 10 == 1:
        return f"{words.removesuffix('один')}одну минуту"
    return f"{words.removesuffix('два')}две минуты" if words.endswith("два") else f"{words} минуты"


def hours(number: int) -> str:
    """двадцать один час, два часа, пять часов."""
    noun = {1: "час", 21: "час"}.get(number) or ("часа" if number in (2, 3, 4, 22, 23) else "часов")
    return f"{cardinal(number) if number else 'ноль'} {noun}"


def english(number: int) -> str:
    """one hundred twenty-three, as a list of words without hyphens."""
    hundred, rest = divmod(number, 100)
    words = [f"{ENGLISH[hundred]} hundred"] if hundred else []
    if rest >= 20:
        words.append(ENGLISH_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(ENGLISH[rest])
    return " ".join(words)
