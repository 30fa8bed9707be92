//! What the agent says without asking the model.

use std::collections::BTreeMap;

use voicekit_core::error::Error;

use crate::prompt::{Prompt, PromptError, Variables, find, normal};

/// What the agent says without asking the model.
///
/// The default is English; [`Phrases::of`] has other languages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phrases {
    /// Said first, if the agent is to speak first. Default: none, the caller speaks first.
    pub greeting: Option<String>,
    /// Asks the caller to say again what was not understood.
    pub not_understood: String,
    /// Asks a silent caller whether they are there.
    pub still_there: String,
    /// Apologises for a reply that failed.
    pub failure: String,
    /// Says that a tool takes a moment.
    pub filler: String,
    /// Says that the call will soon have lasted as long as it may.
    pub warning: String,
    /// Asks what else the agent can do when turns lead nowhere.
    pub dead_end: String,
    /// The message left on an answering machine. Default: none, the agent hangs up.
    pub voicemail: Option<String>,
    /// Ends the call.
    pub goodbye: String,
    /// Whether they are [templates](Self::as_templates). Default: no, they are said as they are.
    pub templates: bool,
    /// In other languages, by tag.
    others: BTreeMap<String, Self>,
}

/// In the order of the fields: not understood, still there, failure, filler, warning, dead end,
/// goodbye.
type Seven = [&'static str; 7];

const ENGLISH: Seven = [
    "Sorry, I didn't catch that. Could you say it again?",
    "Are you still there?",
    "Sorry, something went wrong on my side. Could you say that again?",
    "One moment, please.",
    "I'm afraid we only have one more minute.",
    "I don't seem to be getting anywhere. Is there anything else that I can do for you?",
    "Thank you for calling. Goodbye.",
];

const GERMAN: Seven = [
    "Entschuldigung, das habe ich nicht verstanden. Könnten Sie es noch einmal sagen?",
    "Sind Sie noch da?",
    "Entschuldigung, bei mir ist etwas schiefgegangen. Könnten Sie das noch einmal sagen?",
    "Einen Moment, bitte.",
    "Wir haben leider nur noch eine Minute.",
    "Ich komme hier leider nicht weiter. Kann ich sonst etwas für Sie tun?",
    "Danke für Ihren Anruf. Auf Wiederhören.",
];

const FRENCH: Seven = [
    "Excusez-moi, je n'ai pas compris. Pourriez-vous répéter ?",
    "Vous êtes toujours là ?",
    "Excusez-moi, il y a eu un problème de mon côté. Pourriez-vous répéter ?",
    "Un instant, s'il vous plaît.",
    "Il ne nous reste malheureusement qu'une minute.",
    "Je n'arrive malheureusement pas à avancer. Puis-je faire autre chose pour vous ?",
    "Merci de votre appel. Au revoir.",
];

const SPANISH: Seven = [
    "Perdone, no le he entendido. ¿Podría repetirlo?",
    "¿Sigue usted ahí?",
    "Perdone, ha habido un problema por mi parte. ¿Podría repetirlo?",
    "Un momento, por favor.",
    "Me temo que solo nos queda un minuto.",
    "Me temo que así no avanzamos. ¿Puedo hacer algo más por usted?",
    "Gracias por llamar. Adiós.",
];

const ITALIAN: Seven = [
    "Mi scusi, non ho capito. Può ripetere?",
    "È ancora in linea?",
    "Mi scusi, c'è stato un problema da parte mia. Può ripetere?",
    "Un momento, per favore.",
    "Purtroppo ci resta solo un minuto.",
    "Purtroppo così non andiamo avanti. Posso fare qualcos'altro per lei?",
    "Grazie per aver chiamato. Arrivederci.",
];

const CHINESE: Seven = [
    "不好意思，我没听清楚，您能再说一遍吗？",
    "您还在吗？",
    "不好意思，我这边出了点问题，您能再说一遍吗？",
    "请稍等。",
    "很抱歉，我们只剩一分钟了。",
    "很抱歉，这样我们没有进展。我还能为您做些什么吗？",
    "感谢您的来电，再见。",
];

impl Default for Phrases {
    fn default() -> Self {
        Self::from_seven(ENGLISH)
    }
}

impl Phrases {
    /// The phrases of a language by its BCP 47 tag, of which only the primary subtag counts: German,
    /// Spanish, French, Italian, Chinese; those of any other are English.
    pub fn of(language: &str) -> Self {
        let tag = normal(language);
        Self::from_seven(match tag.split('-').next() {
            Some("de") => GERMAN,
            Some("fr") => FRENCH,
            Some("es") => SPANISH,
            Some("it") => ITALIAN,
            Some("zh") => CHINESE,
            _ => ENGLISH,
        })
    }

    fn from_seven(seven: Seven) -> Self {
        let [not_understood, still_there, failure, filler, warning, dead_end, goodbye] =
            seven.map(str::to_owned);
        Self {
            greeting: None,
            not_understood,
            still_there,
            failure,
            filler,
            warning,
            dead_end,
            voicemail: None,
            goodbye,
            templates: false,
            others: BTreeMap::new(),
        }
    }

    /// Takes the phrases for [templates](crate::prompt), rendered once at the start of each call.
    #[must_use]
    pub fn as_templates(mut self) -> Self {
        self.templates = true;
        self
    }

    /// The same in another language, for calls in it. `tag` is a BCP 47 tag; a call takes the
    /// closest there is: `de-AT`, else `de`, else these.
    #[must_use]
    pub fn in_language(mut self, tag: impl AsRef<str>, phrases: Self) -> Self {
        self.others.insert(normal(tag.as_ref()), phrases);
        self
    }

    /// Those for a call in `language`.
    pub(crate) fn choose(&self, language: &str) -> &Self {
        find(&self.others, language).unwrap_or(self)
    }

    /// All of them with their languages; of these themselves, `language`.
    pub(crate) fn all<'a>(
        &'a self,
        language: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Self)> {
        let others = self.others.iter().map(|(tag, phrases)| (&**tag, phrases));
        std::iter::once((language, self)).chain(others)
    }

    /// Whether the agent speaks first.
    pub(crate) fn greets(&self) -> bool {
        self.greeting.is_some()
    }

    /// The templates, if they are some.
    pub(crate) fn prompts(&self) -> Result<Vec<Prompt>, PromptError> {
        if !self.templates {
            return Ok(Vec::new());
        }
        let mut copy = self.clone();
        let fields = copy.fields().into_iter();
        fields.map(|(name, text)| Prompt::template(name, &**text)).collect()
    }

    /// The words of one call. What cannot be rendered is replaced by what `language` has for it.
    pub(crate) fn rendered(
        &self,
        variables: &Variables,
        language: &str,
        problems: &mut Vec<Error>,
    ) -> Self {
        let mut phrases = Self { others: BTreeMap::new(), ..self.clone() };
        if !self.templates {
            return phrases;
        }
        let mut usual = Self::of(language);
        usual.greeting = phrases.greeting.as_ref().map(|_| String::new());
        usual.voicemail = phrases.voicemail.as_ref().map(|_| String::new());
        for ((name, text), (_, usual)) in phrases.fields().into_iter().zip(usual.fields()) {
            let rendered = Prompt::template(name, &**text)
                .and_then(|template| template.render(variables))
                .map_err(|error| problems.push(error.into()));
            *text = rendered.unwrap_or_else(|()| std::mem::take(usual));
        }
        phrases
    }

    fn fields(&mut self) -> Vec<(&'static str, &mut String)> {
        let mut fields = vec![
            ("phrases.not_understood", &mut self.not_understood),
            ("phrases.still_there", &mut self.still_there),
            ("phrases.failure", &mut self.failure),
            ("phrases.filler", &mut self.filler),
            ("phrases.warning", &mut self.warning),
            ("phrases.dead_end", &mut self.dead_end),
            ("phrases.goodbye", &mut self.goodbye),
        ];
        fields.extend(self.greeting.as_mut().map(|text| ("phrases.greeting", text)));
        fields.extend(self.voicemail.as_mut().map(|text| ("phrases.voicemail", text)));
        fields
    }
}
