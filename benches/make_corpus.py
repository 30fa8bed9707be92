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

Words of synthetic callers have the times that the synthesizer gives. Other words share the time
between pauses in proportion to their letters. Against a forced alignment of the English prompts,
half of these times are within 0.12 s and 90 % within 0.28 s. Only the last word of a turn has a
final punctuation mark. Turns whose wording is unknown have no words.
"""
import argparse
from pathlib import Path

import numpy as np
import soundfile
from corpus.utterance import CALLER_DBFS, RATE, REAL_PAUSE, hesitate, tighten, unfinished
from corpus.voices import load_voices
from scipy.signal import lfilter

PAUSES = ([0, 0.5, 0.55, 0.74, 0.94, 1], [0.3, 0.46, 0.5, 0.7, 1.0, 1.5])
DICTATION_PAUSES = ([0, 0.5, 0.9, 1], [0.35, 0.7, 1.2, 1.5])
KINDS = ["sentence", "sentences", "answer", "dictation"]
KIND_SHARES = [0.45, 0.2, 0.15, 0.2]
AGENT_DBFS, LINE_NOISE_DBFS = -20, -62
KEYS = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477)]


class Deck:
    """Draws utterances in random order, all of them before any is repeated."""

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
        """Puts an utterance on the caller's channel and returns its end."""
        for start, end, word in utterance.words:
            self.label(at + start, at + end, f"word {word}")
        return self.put(self.caller, at, gain * utterance.samples)

    def turn(self, parts, dictation):
        """Adds a turn with pauses between its parts, and the silence after it."""
        start = self.at
        for n, part in enumerate(parts):
            if n > 0:
                pause = np.interp(self.rng.random(), *(DICTATION_PAUSES if dictation else PAUSES))
                self.label(self.at, self.at + pause, "hesitation")
                self.at += pause
            self.at = self.say(self.at, tighten(part, REAL_PAUSE))
        self.label(start, self.at, "speech")
        if dictation:
            self.label(start, self.at, "dictation")
        self.at += self.rng.uniform(3.2, 4)

    def speak(self, utterances):
        """Puts utterances on the agent's channel and returns their start and end."""
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
    """Returns a call in which the agent asks and the caller answers with pauses."""
    call = Call(seconds, rng)
    while not call.full():
        call.speak([deck.draw(agent, "prompts")])
        kind = rng.choice(KINDS, p=KIND_SHARES)
        if kind == "dictation" and voice.dictated:
            call.turn(deck.draw(voice, "dictated"), dictation=True)
        elif kind == "answer" and voice.answers:
            call.turn([deck.draw(voice, "answers")], dictation=False)
        else:
            parts = hesitate(deck.draw(voice, "turns"), rng)
            for _ in range(rng.integers(1, 3) if kind == "sentences" else 0):
                more = deck.draw(voice, "turns")
                seconds_so_far = sum(part.seconds for part in parts)
                # The words of a turn are all known, or none is.
                if seconds_so_far < 8 and bool(more.words) == bool(parts[-1].words):
                    parts = unfinished(parts) + hesitate(more, rng)
            call.turn(parts, dictation=False)
    return call


def overlap(voice, agent, deck, rng, seconds=120):
    """Returns a call with long agent turns, over which the caller may speak."""
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


def make_split(split_name, voices, out, seed):
    """Writes the calls of a split and returns their labels."""
    voices = [voice for voice in voices if voice.source.split == split_name]
    number = ["tune", "held-out"].index(split_name)
    deck = Deck(np.random.default_rng([seed, 2, number]))
    agents = [voice for voice in voices if voice.prompts]
    talkers = [voice for voice in voices for _ in range(voice.source.calls)]
    listeners = [voice for voice in voices if voice.backchannels]
    plain = [voice for voice in voices if voice.interruptions and not voice.backchannels]
    # Every third caller in a call with interruptions is a voice that has no backchannels.
    interrupters = [plain[n // 3 % len(plain)] if n % 3 == 2 else listeners[n % len(listeners)]
                    for n in range(22)]
    deck.rng.shuffle(talkers)
    plans = [(conversation, voice) for voice in talkers] + [(overlap, v) for v in interrupters]
    conditions = ["clear"] * (len(talkers) - 6) + ["pink"] * 3 + ["babble"] * 3
    conditions += ["clear"] * 8 + ["pink"] * 3 + ["babble"] * 3 + ["echo-25"] * 4 + ["echo-35"] * 4
    plans, conditions = [*plans, (overlap, listeners[0])], [*conditions, "dtmf"]
    labels = []  # of each call
    for n, ((shape, voice), condition) in enumerate(zip(plans, conditions)):
        rng = np.random.default_rng([seed, 3, number, n])
        others = [agent for agent in agents if agent.source.speaker != voice.source.speaker]
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
        labels.append(call.labels)
    return labels


def summary(split_name, calls, voices):
    """Returns a row of the summary, from the labels of each call."""
    names = {v.source.name for v in voices if v.source.split == split_name}
    kinds = [label[2].split()[0] for labels in calls for label in labels]
    known = sum(kind == "speech" and any(start <= at < end and text.startswith("word ")
                                         for at, _, text in labels)
                for labels in calls for start, end, kind in labels)
    counted = ["hesitation", "speech", "dictation", "interruption", "backchannel", "word"]
    cells = [split_name, len(calls), len(names), len({name[:2] for name in names}),
             *[kinds.count(kind) for kind in counted], known]
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
        calls = make_split(split_name, voices, args.out, args.seed)
        print(summary(split_name, calls, voices))


if __name__ == "__main__":
    main()
