//! Functions of collections, strings, numbers, dates and quantities.

use crate::{check, check_errors};

#[test]
fn collections() {
    check(&[
        ("name.exists(family.exists())", "true"),
        ("name.all(given.exists())", "true"),
        ("name.all(family.exists())", "false"),
        ("photo.all(false)", "true"),
        ("photo.empty()", "true"),
        ("(true | false).anyFalse()", "true"),
        ("(true).allTrue() and (false).allFalse()", "true"),
        ("('a' | 'b').subsetOf('a' | 'b' | 'c')", "true"),
        ("('a' | 'b').supersetOf('b')", "true"),
        ("(1 | 2 | 3).skip(1).take(1)", "2"),
        ("(1 | 2 | 3).take(-1)", ""),
        ("(1 | 2 | 3).tail().last()", "3"),
        ("(1 | 2 | 2).count()", "2"),
        ("1.combine(1).isDistinct()", "false"),
        ("1.combine(1).distinct().count()", "1"),
        ("(1 | 2).intersect(2 | 3)", "2"),
        ("(1 | 2 | 3).exclude(2)", "1, 3"),
        ("(1 | 2 | 3).aggregate($total + $this, 0)", "6"),
        ("(1 | 2).select($index)", "0, 1"),
        ("(3 | 1 | 2).sort()", "1, 2, 3"),
        ("telecom.sort(rank).value", "ada@example.org, +000"),
        ("(3 | 1 | 2).sort($this desc)", "3, 2, 1"),
        ("name.sort(family).use", "nickname, official"),
        ("coalesce({}, 2, 3)", "2"),
        ("(1 | 5).repeat(iif($this < 4, $this + 1, {}))", "2, 3, 4"),
        ("defineVariable('x', 3).select(%x + 1)", "4"),
        ("name.defineVariable('all').first().select(%all.count())", "2"),
        ("name.select(defineVariable('g', given.count()).select(%g))", "2, 1"),
        ("iif(active, 'yes', 1 / 'x')", "yes"),
    ]);
    check_errors(&[
        ("name.single()", "several items"),
        ("('a').allTrue()", "a boolean is wanted"),
        ("defineVariable('x', 1).select(1) | %x", "%x"),
        ("defineVariable('x').defineVariable('x')", "exists already"),
        ("defineVariable('resource')", "exists already"),
        ("%nobody", "'%nobody' has no value"),
        ("iif('a', 1, 2)", "no boolean"),
    ]);
}

#[test]
fn many_items_keep_their_differences() {
    check(&[
        ("(1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 9 | 1.0 | '1' | true).count()", "13"),
        ("('abcdefghijklmnop'.toChars() | 'ABC' | 'a').count()", "17"),
        ("'aabbccddeeffgg'.toChars().isDistinct()", "false"),
        ("'abcdefghijklm'.toChars().isDistinct()", "true"),
        ("(@2020 | @2020-01 | @2021 | @2022 | @2023 | @2024 | @2025 | @2026 | @2027 | @2028 | @2028).count()", "10"),
    ]);
}

#[test]
fn strings() {
    check(&[
        ("'Zoé'.length()", "3"),
        ("'Zoé'.upper()", "ZOÉ"),
        ("'Zoé'.indexOf('é')", "2"),
        ("'abcabc'.lastIndexOf('b')", "4"),
        ("'Zoé!'.substring(2, 1)", "é"),
        ("'abc'.substring(3)", ""),
        ("'abc'.substring(1, -1)", ""),
        ("'abc'.startsWith('ab') and 'abc'.endsWith('bc') and 'abc'.contains('b')", "true"),
        ("'a.b.c'.replace('.', '-')", "a-b-c"),
        ("'2024-02'.replaceMatches('([0-9]+)-([0-9]+)', '$2/$1')", "02/2024"),
        ("'2024-02'.replaceMatches('(?<y>[0-9]+)-.*', '${y}\\\\$')", "2024$"),
        ("'abc'.matches('b')", "true"),
        ("'abc'.matchesFull('b')", "false"),
        ("'ABC'.matches('b', 'i')", "true"),
        ("name.given.select($this.matches(gender.substring(0, 1) | 'A'))", "true, false, true"),
        ("name.given.where($this.matches(%context.name[0].given[0].substring(0, 2)))", "Ada, Addie"),
        ("'abc'.toChars().join('-')", "a-b-c"),
        ("'a,b,,c'.split(',').count()", "4"),
        ("name.given.join(' ')", "Ada Zoé Addie"),
        ("photo.title.join(' ')", ""),
        ("' a '.trim()", "a"),
        ("gender.upper()", "FEMALE"),
        ("'Zoé'.encode('base64').decode('base64')", "Zoé"),
        ("'é'.encode('hex')", "c3a9"),
        ("'xyz'.decode('hex')", ""),
        ("'<b>'.escape('html').unescape('html')", "<b>"),
        ("'a'.encode('rot13')", ""),
        ("'\\u005a\\ud83d\\ude00\\p'", "Z😀p"),
    ]);
    check_errors(&[
        ("'a'.matches('(')", "no regular expression"),
        ("gender.matches(name.given.first() + '(')", "no regular expression"),
        ("1.upper()", "a string is wanted"),
        ("name.given.length()", "several items"),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("(-5).abs()", "5"),
        ("1.1.ceiling() + (-1.1).floor()", "0"),
        ("2.5.round()", "3"),
        ("3.14159.round(2)", "3.14"),
        ("81.sqrt()", "9"),
        ("2.power(10)", "1024"),
        ("2.power(0.5).round(3)", "1.414"),
        ("100.log(10)", "2"),
        ("1.exp().ln()", "1"),
        ("0.ln()", ""),
        ("(-1.9).truncate()", "-1"),
        ("10.power(60)", "1000000000000000000000000000000000000000000000000000000000000"),
        ("1.587.lowBoundary(2)", "1.58"),
        ("1.523.highBoundary(2)", "1.53"),
        ("1.58700.precision()", "5"),
        ("1 'cm'.comparable(1 '[in_i]')", "true"),
        ("1 year.comparable(7 days)", "true"),
    ]);
    check_errors(&[("'a'.abs()", "is for numbers"), ("1.5.round(-1)", "from 0 to 100")]);
}

#[test]
fn dates_and_conversions() {
    check(&[
        ("now()", "2024-02-29T13:34:56.007+01:00"),
        ("today()", "2024-02-29"),
        ("timeOfDay()", "13:34:56.007"),
        ("birthDate.toString()", "1971-04-05"),
        ("birthDate.yearOf() + birthDate.monthOf() + birthDate.dayOf()", "1980"),
        ("@2024-02-29T13:34:56.007+01:30.timezoneOffsetOf()", "1.5"),
        ("@2024-02-29T13:34.secondOf()", ""),
        ("@2024-02-29T13:34:56.007Z.millisecondOf()", "7"),
        ("@2024-02-29T13:34:56Z.dateOf()", "2024-02-29"),
        ("@2024-02-29T13:34:56Z.timeOf()", "13:34:56"),
        ("@2024-02.highBoundary()", "2024-02-29"),
        ("@2024-02.highBoundary(4)", "2024"),
        ("@T10.lowBoundary()", "10:00:00.000"),
        ("@2024-02-29T13.precision()", "10"),
        ("'2024-02-30'.toDate()", ""),
        ("'2024-02-29T10:00'.toDate()", "2024-02-29"),
        ("'yes'.toBoolean()", "true"),
        ("2.toBoolean()", ""),
        ("'2147483648'.toInteger()", ""),
        ("'2147483648'.toLong()", "2147483648"),
        ("'1.50'.toDecimal()", "1.50"),
        ("true.toDecimal()", "1.0"),
        ("'4 days'.toQuantity()", "4 days"),
        ("'37 \\'Cel\\''.toQuantity('K')", "310.15 'K'"),
        ("1 'kg'.toQuantity('m')", ""),
        ("'x'.convertsToTime()", "false"),
        ("name.first().convertsToString()", "false"),
        ("1.type().name", "Integer"),
        ("gender.type().name", "code"),
        ("name.first().type().namespace", "FHIR"),
        ("id.type().name", "id"),
        ("contained.type().name", "Organization"),
    ]);
}
