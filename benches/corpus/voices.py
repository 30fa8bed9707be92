"""Downloads the packages of the corpus and loads the utterances of each voice."""
import re
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import soundfile
from corpus.flite import Flite
from corpus.utterance import (
    CALLER_DBFS,
    RATE,
    Utterance,
    align,
    at_level,
    join,
    split,
    trim,
    written,
)
from scipy.signal import resample_poly

DATA = Path(__file__).parent
TEXTS = tomllib.loads((DATA / "texts.toml").read_text("utf-8"))
SOURCES = tomllib.loads((DATA / "sources.toml").read_text("utf-8"))
EXCLAMATIONS = ["Boring", "Comeonthen", "Cutitout", "Hello", "Hurry", "Illgetyou", "Justyouwait",
                "Leavemealone", "Stupid", "Thisoneismine", "Watchit", "Youllregretthat"]


@dataclass(frozen=True)
class Source:
    """A voice: one speaker in one language."""

    name: str
    split: str
    kind: str
    package: str
    files: str
    calls: int  # conversations in which the voice is the caller

    @property
    def language(self):
        return self.name[:2]

    @property
    def speaker(self):
        return self.name[3:]


@dataclass
class Voice:
    """The utterances of a voice."""

    source: Source
    turns: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    dictated: list = field(default_factory=list)  # lists of groups
    interruptions: list = field(default_factory=list)
    backchannels: list = field(default_factory=list)
    prompts: list = field(default_factory=list)  # for the agent
    digits: list = field(default_factory=list)
    letters: dict = field(default_factory=dict)


def fetch(package, cache):
    """Returns the directory with the files of a Debian package, which it downloads if needed."""
    version, pattern = SOURCES["packages"][package].values()
    directory = cache / f"{package}_{version.replace(':', '%3a')}"
    if directory.exists():
        return directory
    cache.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download"]
    for wanted in [f"{package}={version}", package]:
        if subprocess.run([*command, wanted], cwd=cache, check=False).returncode == 0:
            break
        print(f"cannot download {wanted}", file=sys.stderr)
    else:
        sys.exit(f"cannot download {package}: run `apt-get update` on Debian 12 first")
    [archive] = cache.glob(f"{package}_*.deb")
    partial = cache / f"{package}.partial"
    unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
    with unpack as data, tarfile.open(fileobj=data.stdout, mode="r|") as tar:
        for member in tar:
            if not member.isdir() and fnmatch(member.name, pattern):
                tar.extract(member, partial)
    archive.unlink()
    return partial.rename(directory)


def load(path):
    """Returns a recording, trimmed and at the caller's level, or None if it is silent."""
    raw = {"format": "RAW", "subtype": "GSM610", "channels": 1, "samplerate": RATE}
    samples, rate = soundfile.read(path, always_2d=True, **(raw if path.suffix == ".gsm" else {}))
    samples = resample_poly(samples.mean(axis=1), RATE, rate)
    if len(samples) < RATE // 10 or np.abs(samples).max() < 0.01:
        return None
    start, end = trim(samples)
    return at_level(samples[start:end], CALLER_DBFS)


def prompts(source, directory, _rng):
    """Loads telephone prompts: instructions, numbers and letters."""
    [base] = [path for path in directory.rglob(source.files) if path.is_dir()]
    language, voice, loaded = source.language, Voice(source), {}
    hesitant = TEXTS["hesitant"][language]

    def piece(name, word=None):
        if name not in loaded:
            path = next(base.glob(f"{name}.*"), None)
            loaded[name] = None if path is None else load(path)
        samples = loaded[name]
        if samples is None:
            return None
        return Utterance(samples, [(0.0, len(samples) / RATE, word)] if word else [])

    for name, text in TEXTS["prompts"].items():
        found = piece(name)
        if found and found.seconds < 16:
            said = align(found.samples, text if language == "en" else "", hesitant)
            voice.prompts += [said] * (said.seconds < 9)
            voice.turns += [said] * (said.seconds > 1.4)
            voice.interruptions += [said] * (0.8 < said.seconds < 4)
    for answer in TEXTS["answers"].get(language, []):
        pieces = answer.split()
        parts = [piece(name, word) for name, word in zip(pieces[::2], pieces[1::2])]
        voice.answers += [join(parts, 0.04, final=True)] if all(parts) else []
    digits = TEXTS["digits"][language]
    voice.digits = [piece(f"digits/{n}", word) for n, word in enumerate(digits)]
    voice.letters = {chr(c): piece(f"letters/{chr(c)}", chr(c).upper()) for c in range(97, 123)}
    return voice


def dictate(voice, rng):
    """Returns the groups of a dictated number or a spelled name."""
    names = TEXTS["names"].get(voice.source.language, [])
    spells = rng.random() < 0.4 and names and all(voice.letters.values())
    if spells:
        pieces = [voice.letters[letter] for letter in names[rng.integers(len(names))].lower()]
    else:
        pieces = [voice.digits[d] for d in rng.integers(0, 10, rng.integers(7, 11))]
    groups, gap = [], rng.uniform(0.03, 0.09)
    while pieces:
        size = int(rng.integers(1, 4)) if spells else int(rng.integers(2, 5))
        size = size if len(pieces) - size > 1 else len(pieces)
        groups.append(join(pieces[:size], gap, final=size == len(pieces)))
        pieces = pieces[size:]
    return groups


def game(source, directory, _rng, scripts):
    """Loads the lines of one of the two main characters of a game."""
    language, voice = source.language, Voice(source)
    backchannels = TEXTS["backchannels"][language]
    line = re.compile(r'dialogId\("([^"]+)",\s*"(\w+)",[^\n]*\)\s*dialogStr\("([^"\n]*)"\)')
    paths = {path.stem: path for path in sorted(directory.rglob("*.ogg"))}
    for script in sorted(scripts.rglob(f"dialogs_{language}.lua")):
        for name, font, text in line.findall(script.read_text("utf-8")):
            # Sentences that break off do not sound like the end of a turn.
            complete = re.match(r"\w.*[^.][.!?]$", text) or text in backchannels
            if font != source.files or name not in paths or not complete:
                continue
            samples = load(paths[name])
            if samples is None or len(samples) > 14 * RATE:
                continue
            said = align(samples, text, TEXTS["hesitant"][language])
            if text in backchannels:
                voice.backchannels.append(said)
            elif said.seconds < 1.3:
                voice.answers.append(said)
            else:
                voice.turns.append(said)
            voice.interruptions += [said] * (0.7 < said.seconds < 3 and text not in backchannels)
    return voice


def read(source, directory, _rng):
    """Loads sentences with transcripts."""
    voice = Voice(source)
    [transcript] = directory.rglob(source.files)
    for text, name in re.findall(r"<s> (.*?) *</s> \((.*)\)", transcript.read_text()):
        samples = load(transcript.parent / f"{name}.wav")
        said = align(samples, text.capitalize() + ".", TEXTS["hesitant"]["en"])
        (voice.turns if said.seconds > 1.8 else voice.answers).append(said)
    voice.interruptions = [said for said in voice.turns + voice.answers if said.seconds < 3]
    return voice


def exclamations(source, directory, _rng):
    """Loads short lines of one or more characters of a game."""
    voice = Voice(source)
    for path in sorted(directory.rglob("*.ogg")):
        if path.parent.name not in source.files.split():
            continue
        samples = load(path)
        if path.stem in ["Hmm", "Yessir"] and len(samples) < 1.2 * RATE:
            voice.backchannels.append(Utterance(samples))
        elif path.stem in EXCLAMATIONS and 0.5 * RATE < len(samples) < 3 * RATE:
            voice.interruptions.append(Utterance(samples))
    return voice


def synthesize(flite, text):
    """Returns `text` as a synthetic utterance that may be cut at each `|`."""
    samples, rate, times = flite.say(text.replace("|", ""))
    samples = resample_poly(samples, RATE, rate)
    start, end = trim(samples)
    times = np.clip(times - start / RATE, 0, (end - start) / RATE)
    marks = np.cumsum([len(part.split()) for part in text.split("|")])[:-1]
    cuts = [(times[mark - 1][1], times[mark][0], 3.0) for mark in marks]
    words = written(text.replace("|", ""))
    words = [(a, b, word) for (a, b), word in zip(times, words, strict=True)]
    return Utterance(at_level(samples[start:end], CALLER_DBFS), words, cuts)


def synthetic(source, directory, rng, sound):
    """Synthesizes the texts of a caller."""
    flite, texts, voice = Flite(directory, sound, source.files), TEXTS["english"], Voice(source)
    shares = {"slt": slice(0, None, 2), "rms": slice(1, None, 4), "awb": slice(3, None, 4)}
    voice.turns = [synthesize(flite, text) for text in texts["turns"][shares[source.files]]]
    for kind in ["answers", "interruptions", "backchannels"]:
        setattr(voice, kind, [synthesize(flite, text) for text in texts[kind]])
    for n in range(12):
        if n % 3 == 2:
            name = TEXTS["names"]["en"][n // 3 + 4 * (source.split == "tune")].upper()
            groups = [" ".join(name[a : a + 2]) for a in range(0, len(name), 2)]
            lead = "It's spelled, | "
        else:
            digits = [TEXTS["digits"]["en"][d] for d in rng.integers(0, 10, 10)]
            groups = [" ".join(digits[a:b]) for a, b in [(0, 3), (3, 6), (6, 10)]]
            lead = ["My number is, | ", "", "Yes, it's, "][n % 4 % 3]
        said = synthesize(flite, lead + ", | ".join(groups) + ".")
        voice.dictated.append(said.cuts and split(said, said.cuts))
    return voice


def load_voices(cache, seed):
    """Returns all voices, in the order of `sources.toml`."""
    found = {package: fetch(package, cache) for package in SOURCES["packages"]}
    more = {"game": ["fillets-ng-data"], "synthetic": ["libasound2"]}
    load_voice = {"prompts": prompts, "game": game, "read": read, "exclamations": exclamations,
                  "synthetic": synthetic}
    voices = []
    for n, (name, values) in enumerate(SOURCES["voices"].items()):
        source = Source(name, **values)
        rng = np.random.default_rng([seed, 1, n])
        extra = [found[package] for package in more.get(source.kind, [])]
        voice = load_voice[source.kind](source, found[source.package], rng, *extra)
        if source.kind == "prompts":
            voice.dictated = [dictate(voice, rng) for _ in range(12)]
        voices.append(voice)
    return voices
