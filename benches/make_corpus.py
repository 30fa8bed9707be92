#!/usr/bin/env python3
"""Makes labelled calls for the program `turns` from recordings that Debian 12 packages ship.

    apt-get update
    pip install numpy==2.4.6 scipy==1.17.1 soundfile==0.14.0
    python3 benches/make_corpus.py CALLS

downloads the packages in `corpus/sources.toml` (installs nothing, needs no root), and writes
CALLS/tune and CALLS/held-out: NAME.wav (8 kHz, left the caller, right the agent) and NAME.txt, a
label track. No speaker is in both. The same seed gives the same files.

Pauses inside turns are drawn from those of real speech (at least 0.3 s, median 0.46 s, 45 % over
0.5 s, 26 % over 0.7 s, 6 % over 1 s). They are put where the speaker paused, or else at a dip in
the level, preferably after a comma, a conjunction or a filler. Callers who dictate pause for up
to 1.5 s between groups.

Words carry the times of the synthesizer where the caller is synthetic. Other words share the time
in which their speaker is not silent in proportion to their letters: they are 0.1 to 0.2 s off.
"""
import argparse
import ctypes
import re
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter, resample_poly

RATE = 8000
STEP = 80
PAUSES = ([0, 0.5, 0.55, 0.74, 0.94, 1], [0.3, 0.46, 0.5, 0.7, 1.0, 1.5])
DICTATION_PAUSES = ([0, 0.5, 0.9, 1], [0.35, 0.7, 1.2, 1.5])
REAL_PAUSE = 0.18
CALLER_DBFS, AGENT_DBFS, LINE_NOISE_DBFS = -24, -20, -62
KEYS = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477)]
DATA = Path(__file__).parent / "corpus"
TEXTS = tomllib.loads((DATA / "texts.toml").read_text("utf-8"))
SOURCES = tomllib.loads((DATA / "sources.toml").read_text("utf-8"))
EXCLAMATIONS = """Boring Comeonthen Cutitout Hello Hurry Illgetyou Justyouwait Leavemealone Stupid
    Thisoneismine Watchit Youllregretthat""".split()


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


@dataclass
class Utterance:
    samples: np.ndarray
    words: list = field(default_factory=list)  # (start, end, word), in seconds
    cuts: list = field(default_factory=list)  # (start, end, how likely a speaker hesitates here)

    @property
    def seconds(self):
        return len(self.samples) / RATE


@dataclass
class Voice:
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
    """The directory with the files of a Debian package, downloaded where it is missing."""
    version, pattern = SOURCES["packages"][package].values()
    directory = cache / f"{package}_{version.replace(':', '%3a')}"
    if directory.exists():
        return directory
    cache.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download"]
    for wanted in [f"{package}={version}", package]:
        if subprocess.run([*command, wanted], cwd=cache).returncode == 0:
            break
        print(f"{wanted}: cannot be downloaded", file=sys.stderr)
    else:
        sys.exit(f"{package}: download failed: needs apt-get of Debian 12, after `apt-get update`")
    [archive] = cache.glob(f"{package}_*.deb")
    partial = cache / f"{package}.partial"
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as data:
        with tarfile.open(fileobj=data.stdout, mode="r|") as tar:
            for member in tar:
                if not member.isdir() and fnmatch(member.name, pattern):
                    tar.extract(member, partial)
    archive.unlink()
    return partial.rename(directory)


def levels(samples):
    """The level of every 10 ms, in dB."""
    whole = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    return 10 * np.log10((whole**2).mean(axis=1) + 1e-12)


def at_level(samples, dbfs):
    """The samples, at this level while the speaker is not silent."""
    level = np.sort(levels(samples))
    active = level[level > level[-1] - 25]
    now = 10 * np.log10(np.mean(10 ** (active / 10)))
    return samples * 10 ** ((dbfs - now) / 20)


def trim(samples):
    """The first and the last sample of what is said."""
    level = levels(samples)
    loud = np.nonzero(level > level.max() - 35)[0]
    return loud[0] * STEP, (loud[-1] + 1) * STEP


def load(path):
    """The recording at `path`, trimmed, at the caller's level; none if nothing is said."""
    raw = {"format": "RAW", "subtype": "GSM610", "channels": 1, "samplerate": RATE}
    samples, rate = soundfile.read(path, always_2d=True, **(raw if path.suffix == ".gsm" else {}))
    samples = resample_poly(samples.mean(axis=1), RATE, rate)
    if len(samples) < RATE // 10 or np.abs(samples).max() < 0.01:
        return None
    start, end = trim(samples)
    return at_level(samples[start:end], CALLER_DBFS)


def quiet_runs(samples, shortest):
    """Silences and dips inside an utterance, (start, end) in seconds."""
    level = levels(samples)
    quiet = level < level.max() - 30
    edges = np.flatnonzero(np.diff(np.r_[0, quiet, 0]))
    runs = zip(edges[::2] / 100, edges[1::2] / 100)
    return [(a, b) for a, b in runs if b - a >= shortest and 0 < a and b < len(level) / 100]


def written(text):
    """The words as a recognizer writes them: a final mark only after the last."""
    tokens = [token for token in text.split() if re.search(r"\w", token)]
    inner = [token.strip("-\"„“”…").rstrip(".!?…") for token in tokens]
    last = re.sub(r"[.…]*$", "", tokens[-1]) if tokens else ""
    return inner[:-1] + [last if last[-1:] in "!?" else last.rstrip(",;:") + "."] if tokens else []


def align(samples, text, language):
    """An utterance whose words share the time in which something is said, by their letters."""
    seconds = len(samples) / RATE
    pauses = quiet_runs(samples, 0.15)
    words, breaks = written(text), []
    if words:
        spoken = np.array([(0.0, 0.0), *[(a, b) for a, b in pauses], (seconds, seconds)])
        lengths = spoken[1:, 0] - spoken[:-1, 1]
        marks = np.r_[0, np.cumsum([len(re.sub(r"\W", "", word)) + 1.0 for word in words])]
        marks *= lengths.sum() / marks[-1]
        ends = np.cumsum(lengths)
        starts = spoken[:-1, 1]

        def time(mark, side):
            part = min(int(np.searchsorted(ends, mark, side=side)), len(ends) - 1)
            return starts[part] + mark - (ends[part] - lengths[part])

        words = [(time(a, "right"), time(b - 1e-6, "left"), word)
                 for a, b, word in zip(marks, marks[1:], words)]
        tokens = [token for token in text.split() if re.search(r"\w", token)]
        hesitant = TEXTS["hesitant"].get(language, [])
        breaks = [token[-1] in ",;:.!?…" or token.strip(".…,").lower() in hesitant
                  for token in tokens]
    cuts = []
    for a, b in quiet_runs(samples, 0.05):
        score = 2.0 * (b - a >= REAL_PAUSE)
        if words:
            ends = np.array([end for _, end, _ in words[:-1]] + [np.inf])
            nearest = int(np.abs(ends - a).argmin())
            score += (abs(ends[nearest] - a) < 0.15) * (1 + 2 * breaks[nearest])
        cuts.append((a, b, score))
    return Utterance(samples, words, cuts)


def prompts(source, directory, _rng):
    """Telephone prompts: instructions, numbers and letters."""
    [base] = [path for path in directory.rglob(source.files) if path.is_dir()]
    language, voice, loaded = source.language, Voice(source), {}

    def piece(name, word=None):
        if name not in loaded:
            path = next((p for p in [base / f"{name}.wav", base / f"{name}.gsm"] if p.exists()), None)
            loaded[name] = None if path is None else load(path)
        samples = loaded[name]
        if samples is None:
            return None
        return Utterance(samples, [(0.0, len(samples) / RATE, word)] if word else [])

    for name, text in TEXTS["prompts"].items():
        found = piece(name)
        if found and found.seconds < 16:
            said = align(found.samples, text if language == "en" else "", language)
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
    """Groups of digits or letters from the pieces of a voice."""
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
    """Lines of one of the two main characters of a game."""
    language, voice = source.language, Voice(source)
    backchannels = TEXTS["backchannels"][language]
    line = re.compile(r'dialogId\("([^"]+)",\s*"(\w+)",[^\n]*\)\s*dialogStr\("([^"\n]*)"\)')
    paths = {path.stem: path for path in directory.rglob("*.ogg")}
    for script in sorted(scripts.rglob(f"dialogs_{language}.lua")):
        for name, font, text in line.findall(script.read_text("utf-8")):
            # What is cut off does not end like a turn.
            complete = re.match(r"\w.*[^.][.!?]$", text) or text in backchannels
            if font != source.files or name not in paths or not complete:
                continue
            samples = load(paths[name])
            if samples is None or len(samples) > 14 * RATE:
                continue
            said = align(samples, text, language)
            if text in backchannels:
                voice.backchannels.append(said)
            elif said.seconds < 1.3:
                voice.answers.append(said)
            else:
                voice.turns.append(said)
            voice.interruptions += [said] * (0.7 < said.seconds < 3 and text not in backchannels)
    return voice


def read(source, directory, _rng):
    """Sentences that are read, with transcripts."""
    voice = Voice(source)
    [transcript] = directory.rglob(source.files)
    for text, name in re.findall(r"<s> (.*?) *</s> \((.*)\)", transcript.read_text()):
        samples = load(transcript.parent / f"{name}.wav")
        said = align(samples, text.capitalize() + ".", source.language)
        (voice.turns if said.seconds > 1.8 else voice.answers).append(said)
    voice.interruptions = [said for said in voice.turns + voice.answers if said.seconds < 3]
    return voice


def exclamations(source, directory, _rng):
    """Short lines of a game, of a speaker or, for `en`, of several."""
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


class Flite:
    """The synthesizer flite, with the times of its words."""

    class Wave(ctypes.Structure):
        _fields_ = [("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("length", ctypes.c_int),
                    ("channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short))]

    def __init__(self, directory, sound, voice):
        def library(name):
            [path] = directory.rglob(f"lib{name}.so.1")
            return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)

        ctypes.CDLL(str(next(sound.rglob("libasound.so.2"))), mode=ctypes.RTLD_GLOBAL)
        self.lib = library("flite")
        for name in ["flite_cmulex", "flite_usenglish"]:
            library(name)
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, *arguments in [
            ("flite_synth_text", pointer, text, pointer),
            ("utt_wave", ctypes.POINTER(self.Wave), pointer),
            ("utt_relation", pointer, pointer, text),
            ("relation_head", pointer, pointer),
            ("item_next", pointer, pointer),
            ("flite_ffeature_string", text, pointer, text),
            ("flite_ffeature_float", ctypes.c_float, pointer, text),
            ("delete_utterance", None, pointer),
        ]:
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.lib.flite_init()
        register = getattr(library(f"flite_cmu_us_{voice}"), f"register_cmu_us_{voice}")
        register.restype, register.argtypes = pointer, [text]
        self.voice = register(None)

    def say(self, text):
        """`text` as an utterance that may be cut at each `|`."""
        utterance = self.lib.flite_synth_text(text.replace("|", "").encode(), self.voice)
        wave = self.lib.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.length,)) / 32768
        samples = resample_poly(samples, RATE, wave.rate)
        times = []  # of the tokens of the text, which may be several words
        item = self.lib.relation_head(self.lib.utt_relation(utterance, b"Token"))
        ends = [b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end",
                b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"]
        while item:
            times.append([self.lib.flite_ffeature_float(item, path) for path in ends])
            item = self.lib.item_next(item)
        self.lib.delete_utterance(utterance)
        start, end = trim(samples)
        times = np.clip(np.array(times) - start / RATE, 0, (end - start) / RATE)
        marks = np.cumsum([len(part.split()) for part in text.split("|")])[:-1]
        cuts = [(times[mark - 1][1], times[mark][0], 3.0) for mark in marks]
        words = [(a, b, word) for (a, b), word in zip(times, written(text.replace("|", "")))]
        return Utterance(at_level(samples[start:end], CALLER_DBFS), words, cuts)


def synthetic(source, directory, rng, sound):
    """What a synthetic caller says."""
    flite, texts, voice = Flite(directory, sound, source.files), TEXTS["english"], Voice(source)
    shares = {"slt": slice(0, None, 2), "rms": slice(1, None, 4), "awb": slice(3, None, 4)}
    voice.turns = [flite.say(text) for text in texts["turns"][shares[source.files]]]
    for kind in ["answers", "interruptions", "backchannels"]:
        setattr(voice, kind, [flite.say(text) for text in texts[kind]])
    for n in range(12):
        if n % 3 == 2:
            name = TEXTS["names"]["en"][n // 3 + 4 * (source.split == "tune")].upper()
            groups = [", ".join(name[a : a + 2]) for a in range(0, len(name), 2)]
            lead = "It's spelled, | "
        else:
            digits = [TEXTS["digits"]["en"][d] for d in rng.integers(0, 10, 10)]
            groups = [" ".join(digits[a:b]) for a, b in [(0, 3), (3, 6), (6, 10)]]
            lead = ["My number is, | ", "", "Yes, it's, "][n % 4 % 3]
        said = flite.say(lead + ", | ".join(groups) + ".")
        voice.dictated.append(said.cuts and split(said, said.cuts))
    return voice


def join(utterances, gap, final):
    """One utterance of several, with gaps of silence; the last word ends the turn if `final`."""
    samples, words, at = [], [], 0.0
    for utterance in utterances:
        words += [(at + a, at + b, word) for a, b, word in utterance.words]
        samples += [utterance.samples, np.zeros(int(gap * RATE))]
        at += utterance.seconds + int(gap * RATE) / RATE
    if words and final:
        words[-1] = (*words[-1][:2], words[-1][2].rstrip(".") + ".")
    return Utterance(np.concatenate(samples[:-1]), words)


def split(utterance, cuts):
    """The parts of an utterance between cuts; a word is in the part that has its middle."""
    edges = [0.0, *[t for a, b, _ in sorted(cuts) for t in (a, b)], utterance.seconds]
    parts = []
    for start, end in zip(edges[::2], edges[1::2]):
        middle = 0 if not parts else (start + edges[2 * len(parts) - 1]) / 2
        until = np.inf if end == edges[-1] else (end + edges[2 * len(parts) + 2]) / 2
        words = [(max(a, start) - start, min(b, end) - start, word)
                 for a, b, word in utterance.words if middle <= (a + b) / 2 < until]
        samples = utterance.samples[int(start * RATE) : int(end * RATE)]
        parts.append(Utterance(samples, [(min(a, b), b, word) for a, b, word in words]))
    return parts


def tighten(utterance, longest):
    """Shortens the silences in which no cut was made, so that each pause is one that was drawn."""
    long = [(a, b, 0) for a, b in quiet_runs(utterance.samples, longest + 0.02)]
    return join(split(utterance, long), longest, final=False) if long else utterance


def hesitate(utterance, rng):
    """The parts of an utterance between one to three hesitations."""
    chosen = []
    order = rng.random(len(utterance.cuts))
    for score, (a, b, _) in sorted(((c[2] + r, c) for c, r in zip(utterance.cuts, order)),
                                   reverse=True)[:rng.integers(1, 4)]:
        edges = [0, utterance.seconds, *[t for cut in chosen for t in cut[:2]]]
        if min(min(abs(a - t), abs(b - t)) for t in edges) > 0.25 and score > 0:
            chosen.append((a, b, score))
    return [tighten(part, REAL_PAUSE) for part in split(utterance, chosen)]


def unfinished(parts):
    """The parts of a sentence that another follows."""
    last = parts[-1]
    words = [*last.words[:-1], *[(a, b, word.rstrip(".!?")) for a, b, word in last.words[-1:]]]
    return [*parts[:-1], replace(last, words=words)]


class Deck:
    """Draws in random order, each once before any comes again."""

    def __init__(self, rng):
        self.rng, self.left = rng, {}

    def draw(self, voice, kind):
        cards = self.left.setdefault((voice.source.name, kind), [])
        if not cards:
            cards += list(self.rng.permutation(len(getattr(voice, kind))))
        return getattr(voice, kind)[cards.pop()]


class Call:
    def __init__(self, seconds, rng):
        self.rng = rng
        self.caller = np.zeros(int(seconds * RATE))
        self.agent = np.zeros(int(seconds * RATE))
        self.labels = []
        self.at = 1.0

    def label(self, start, end, text):
        self.labels.append((start, end, text))

    def put(self, channel, at, samples):
        start = int(at * RATE)
        end = min(start + len(samples), len(channel))
        channel[start:end] += samples[: end - start]
        return end / RATE

    def say(self, at, utterance, gain=1.0):
        """The caller says an utterance; gives when it ends."""
        for start, end, word in utterance.words:
            self.label(at + start, at + end, f"word {word}")
        return self.put(self.caller, at, gain * utterance.samples)

    def turn(self, parts, dictation):
        """A turn with pauses between its parts, and the silence after it."""
        start = self.at
        for n, part in enumerate(parts):
            if n > 0:
                pause = np.interp(self.rng.random(), *(DICTATION_PAUSES if dictation else PAUSES))
                self.label(self.at, self.at + pause, "hesitation")
                self.at += pause
            self.at = self.say(self.at, part)
        self.label(start, self.at, "speech")
        if dictation:
            self.label(start, self.at, "dictation")
        self.at += self.rng.uniform(3.2, 4)

    def speak(self, utterances):
        """The agent speaks; gives when it began and ended."""
        start = self.at
        for utterance in utterances:
            samples = tighten(utterance, 0.5).samples * 10 ** ((AGENT_DBFS - CALLER_DBFS) / 20)
            end = self.put(self.agent, self.at, samples)
            self.at = end + self.rng.uniform(0.2, 0.4)
        self.label(start, end, "agent")
        self.at = end + self.rng.uniform(0.5, 0.9)
        return start, end

    def full(self):
        return self.at > len(self.caller) / RATE - 32

    def condition(self, text):
        self.label(0, len(self.caller) / RATE, text)

    def save(self, path):
        end = min(int(self.at * RATE), len(self.caller))
        noise = self.rng.normal(size=end) * 10 ** (LINE_NOISE_DBFS / 20)
        both = np.stack([self.caller[:end] + noise, self.agent[:end]], axis=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path.with_suffix(".wav"), np.clip(both, -1, 1), RATE, subtype="PCM_16")
        lines = [f"{a:.3f}\t{min(b, end / RATE):.3f}\t{text}"
                 for a, b, text in sorted(self.labels, key=lambda label: (label[0], -label[1]))]
        path.with_suffix(".txt").write_text("\n".join(lines) + "\n", "utf-8")


def conversation(voice, agent, deck, rng, seconds=120):
    """The agent asks, the caller answers with pauses."""
    call = Call(seconds, rng)
    while not call.full():
        call.speak([deck.draw(agent, "prompts")])
        kind = rng.choice(["sentence", "sentences", "answer", "dictation"], p=[0.45, 0.2, 0.15, 0.2])
        if kind == "dictation" and voice.dictated:
            call.turn(deck.draw(voice, "dictated"), dictation=True)
        elif kind == "answer" and voice.answers:
            call.turn([deck.draw(voice, "answers")], dictation=False)
        else:
            parts = hesitate(deck.draw(voice, "turns"), rng)
            for _ in range(rng.integers(1, 3) if kind == "sentences" else 0):
                parts = unfinished(parts) + hesitate(deck.draw(voice, "turns"), rng)
                if sum(part.seconds for part in parts) > 10:
                    break
            call.turn(parts, dictation=False)
    return call


def overlap(voice, agent, deck, rng, seconds=120):
    """The agent speaks at length; callers listen, signal that they do, or interrupt."""
    call = Call(seconds, rng)
    while not call.full():
        start, end = call.speak([deck.draw(agent, "prompts") for _ in range(4)])
        if end - start < 6:
            continue
        at = rng.uniform(start + 1.5, end - 3)
        kind = rng.choice(["nothing", "backchannels", "interruptions"], p=[0.1, 0.45, 0.45])
        if kind != "nothing" and getattr(voice, kind):
            said = tighten(deck.draw(voice, kind), REAL_PAUSE)
            until = call.say(at, said, 0.7 if kind == "backchannels" else 1.0)
            call.label(at, until, kind[:-1])
            call.at = max(call.at, until + 3.2)
        call.at = max(call.at + 1, at + 4)
    return call


def echo(call, loss_db, rng):
    delay = rng.uniform(0.05, 0.25)
    taps = np.zeros(40)
    taps[[0, 3, 9, 21]] = [0.84, 0.42, -0.3, 0.17]
    back = lfilter(taps, 1, call.agent) * 10 ** (-loss_db / 20)
    call.put(call.caller, delay, back[: len(back) - int(delay * RATE) - 1])
    call.condition(f"echo -{loss_db} dB")


def noise(call, kind, snr_db, voices, rng):
    if kind == "pink":
        sound = lfilter([0.05, -0.096, 0.05, -0.004], [1, -2.495, 2.017, -0.522],
                        rng.normal(size=len(call.caller)))
    else:
        sound = np.zeros(len(call.caller))
        for _ in range(6):
            at = 0
            while at < len(sound) / RATE:
                voice = voices[rng.integers(len(voices))]
                said = voice.turns[rng.integers(len(voice.turns))]
                at = call.put(sound, at, said.samples) + rng.uniform(0, 0.3)
    sound *= 10 ** ((CALLER_DBFS - snr_db) / 20) / np.sqrt(np.mean(sound**2))
    call.caller += sound
    call.condition(f"noise {kind} {snr_db} dB")


def keys(call, rng):
    call.labels = [label for label in call.labels if label[2] == "agent"]
    call.caller[:] = 0
    at = 2.0
    while at < call.at - 2:
        low, high = KEYS[rng.integers(len(KEYS))]
        time = np.arange(int(rng.uniform(0.08, 0.3) * RATE)) / RATE
        tone = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
        at = call.put(call.caller, at, 0.1 * tone) + rng.choice([0.1, 0.3, 2.0])
    call.condition("dtmf")


def load_voices(cache, seed):
    found = {package: fetch(package, cache) for package in SOURCES["packages"]}
    more = {"game": ["fillets-ng-data"], "synthetic": ["libasound2"]}
    voices = []
    for n, (name, values) in enumerate(SOURCES["voices"].items()):
        source = Source(name, **values)
        rng = np.random.default_rng([seed, 1, n])
        extra = [found[package] for package in more.get(source.kind, [])]
        voice = globals()[source.kind](source, found[source.package], rng, *extra)
        if source.kind == "prompts":
            voice.dictated = [dictate(voice, rng) for _ in range(12)]
        voices.append(voice)
    return voices


def make_split(split_name, voices, out, seed):
    """Writes the calls of a split; gives what they hold."""
    voices = [voice for voice in voices if voice.source.split == split_name]
    number = ["tune", "held-out"].index(split_name)
    deck = Deck(np.random.default_rng([seed, 2, number]))
    agents = [voice for voice in voices if voice.prompts]
    talkers = [voice for voice in voices for _ in range(voice.source.calls)]
    listeners = [voice for voice in voices if voice.backchannels]
    plain = [voice for voice in voices if voice.interruptions and not voice.backchannels]
    # Every third caller in a call with interruptions is a voice that has no backchannels.
    interrupters = [plain[n // 3 % len(plain)] if n % 3 == 2 else listeners[n % len(listeners)]
                    for n in range(18)]
    deck.rng.shuffle(talkers)
    plans = [(conversation, voice) for voice in talkers] + [(overlap, v) for v in interrupters]
    conditions = ["clear"] * (len(talkers) - 6) + ["pink"] * 3 + ["babble"] * 3
    conditions += ["clear"] * 6 + ["pink"] * 2 + ["babble"] * 2 + ["echo-25"] * 4 + ["echo-35"] * 4
    plans, conditions = [*plans, (overlap, listeners[0])], [*conditions, "dtmf"]
    labels = []
    for n, ((shape, voice), condition) in enumerate(zip(plans, conditions)):
        rng = np.random.default_rng([seed, 3, number, n])
        others = [agent for agent in agents if agent is not voice]
        same = [agent for agent in others if agent.source.language == voice.source.language]
        agent = (same or others)[n % len(same or others)]
        call = shape(voice, agent, deck, rng)
        if condition in ["pink", "babble"]:
            noise(call, condition, 10, [v for v in voices if v.turns and v is not voice], rng)
        elif condition.startswith("echo"):
            echo(call, int(condition[5:]), rng)
        elif condition == "dtmf":
            keys(call, rng)
        call.save(out / split_name / f"{condition}-{shape.__name__}-{n:02}-{voice.source.name}")
        labels += call.labels
    return len(plans), labels


def summary(split_name, calls, labels, voices):
    """A row of the summary."""
    names = {v.source.name for v in voices if v.source.split == split_name}
    kinds = [label[2].split()[0] for label in labels]
    turns = [label for label in labels if label[2] == "speech"]
    with_words = sum(any(a <= w[0] < b and w[2].startswith("word ") for w in labels)
                     for a, b, _ in turns)
    counted = ["hesitation", "speech", "dictation", "interruption", "backchannel", "word"]
    cells = [split_name, calls, len(names), len({name[:2] for name in names}),
             *[kinds.count(kind) for kind in counted], with_words]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="CALLS", help="directory for the calls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/voicekit/corpus",
                        help="directory for the packages (default: %(default)s)")
    args = parser.parse_args()
    voices = load_voices(args.cache, args.seed)
    print("| split | calls | voices | languages | hesitations | ends | dictated | interruptions"
          " | backchannels | words | turns with words |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for split_name in ["tune", "held-out"]:
        calls, labels = make_split(split_name, voices, args.out, args.seed)
        print(summary(split_name, calls, labels, voices))


if __name__ == "__main__":
    main()
