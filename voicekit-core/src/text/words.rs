//! Words of numbers, dates, money and addresses, in the languages of the phrases: English, German,
//! French, Spanish and Italian.

use super::abbreviations::is_starter;

const NUMBERS: &str = "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen \
    fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty \
    ninety hundred thousand million billion double triple null eins ein zwei zwo drei vier fünf \
    sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn \
    neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend \
    millionen zéro un une deux trois quatre cinq sept huit neuf dix onze douze treize quatorze \
    quinze seize vingt trente quarante cinquante soixante quatre-vingt quatre-vingts cent cents \
    mille cero uno una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce \
    quince veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil \
    millones due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici \
    quindici sedici venti trenta quaranta cinquanta sessanta settanta ottanta novanta cento mila \
    milioni";
const MONTHS: &str = "january february march april may june july august september october november december jan \
    feb mar apr jun jul aug sep sept oct nov dec januar jänner februar märz mai juni juli \
    oktober dezember mrz okt dez janvier février mars avril juin juillet août septembre octobre \
    novembre décembre janv févr avr juil déc enero febrero marzo abril mayo junio julio agosto \
    septiembre setiembre octubre noviembre diciembre ene abr ago dic gennaio febbraio aprile \
    maggio giugno luglio settembre ottobre dicembre";
const WEEKDAYS: &str = "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri \
    sat sun montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr \
    sa so lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves \
    viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica";
const MONEY: &str = "dollar dollars euro euros pound pounds franc francs franken peso pesos yen cent cents pence \
    pfund dólar dólares libra libras livre livres dollari sterline kronen krona kronor";
const SCALES: &str = "hundred thousand million millions billion billions trillion k mio mrd tausend millionen \
    milliarden mille milliard milliards mil millón millones mila milione milioni miliardi dozen";
/// Kinds of streets, behind their name or before it.
const STREETS: &str = "street st avenue ave av road rd lane ln drive dr boulevard blvd bd court ct place pl square \
    sq way terrace ter parkway pkwy highway hwy circle cir crescent close alley plaza row straße \
    strasse str weg platz allee gasse ring damm ufer rue chemin quai impasse calle c avenida \
    avda paseo carrera camino plaça via viale piazza corso vicolo largo broadway";
/// Those that stand before the name.
const STREETS_BEFORE: &str = "rue chemin quai impasse calle avenida avda paseo carrera camino viale piazza corso vicolo \
    plaza boulevard allée allées";
/// What follows the street in an address, or the number in a telephone number.
const PARTS: &str = "apt apartment suite ste unit floor fl room rm bldg building flat po p.o box ext extension x \
    durchwahl poste extensión int interno piso puerta etage étage bât hinterhaus scala piano";
const DETERMINERS: &str =
    "am der die das den dem im zum zur vom ab bis ins beim unser unsere jeden jeder";

/// Whether `word`, in any case, is in a list of words with spaces between them.
fn listed(list: &str, word: &str) -> bool {
    let lower = word.to_lowercase();
    list.split(' ').any(|entry| entry == lower)
}

/// Whether a word is a number: "twenty-five", "cinq".
pub(super) fn is_number_word(word: &str) -> bool {
    listed(NUMBERS, word) || word.contains('-') && word.split('-').all(|part| listed(NUMBERS, part))
}

/// Whether a word is a number that is also an article, pronoun or adverb, such as "one".
pub(super) fn is_weak_number(word: &str) -> bool {
    listed("one un une una uno ein oh once cent cents due sei", word)
}

pub(super) fn is_month(word: &str) -> bool {
    listed(MONTHS, word)
}

pub(super) fn is_weekday(word: &str) -> bool {
    listed(WEEKDAYS, word)
}

pub(super) fn is_money(word: &str) -> bool {
    listed(MONEY, word)
}

pub(super) fn is_scale(word: &str) -> bool {
    listed(SCALES, word)
}

/// Whether a word is a kind of street, or a street's name that ends in one: "Hauptstraße".
pub(super) fn is_street(word: &str) -> bool {
    let lower = word.to_lowercase();
    let joined = ["straße", "strasse", "str", "weg", "platz", "allee", "gasse", "damm", "ufer"];
    listed(STREETS, word)
        || joined.iter().any(|end| lower.len() > end.len() + 2 && lower.ends_with(end))
}

/// Whether a word is a kind of street whose name follows: "rue".
pub(super) fn is_street_before(word: &str) -> bool {
    listed(STREETS_BEFORE, word)
}

/// Whether a word names a part of an address or telephone number: "Apt", "ext", "x40".
pub(super) fn is_part(word: &str) -> bool {
    let lower = word.to_lowercase();
    let numbered = lower.strip_prefix('x').is_some_and(|rest| rest.starts_with(is_digit));
    numbered || listed(PARTS, word)
}

/// Whether the stop of a number with `before` and `next` around it is that of an ordinal or of a
/// date: "am 5. Mai", "im 3. Stock", "24. 12. 2026".
pub(super) fn is_ordinal(before: &str, next: &str) -> bool {
    let bare = next.trim_end_matches(|c: char| !c.is_alphanumeric());
    let is_date = next.starts_with(is_digit) && bare.len() <= 2 && next.ends_with('.');
    let is_year = next.starts_with(is_digit)
        && before.ends_with('.')
        && before.trim_end_matches('.').chars().all(is_digit);
    let is_noun =
        next.starts_with(char::is_uppercase) && listed(DETERMINERS, before) && !is_starter(bare);
    is_month(bare) || is_date || is_year || is_noun
}

/// A digit of any script in which numbers are dictated.
pub(super) fn is_digit(c: char) -> bool {
    c.is_numeric() || "零〇一二三四五六七八九两幺十百千".contains(c)
}
