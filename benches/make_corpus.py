#!/usr/bin/env python3
"""Makes labelled calls for the program `turns` out of recorded utterances.

Needs numpy, scipy and soundfile. Each directory holds WAV files of one utterance each:

    make_corpus.py OUT --turns DIR --agent DIR --interruptions DIR --backchannels DIR [--seed N]

--turns          what callers say in a turn, to its end
--agent          what the agent says
--interruptions  what takes the turn from the agent
--backchannels   "mhm", "yeah"

Pauses inside turns are drawn from those of real speech (at least 0.3 s, median 0.46 s, 45 % over
0.5 s, 26 % over 0.7 s, 6 % over 1 s) and put where the speaker paused, or else between two sounds.
"""
import argparse
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter, resample_poly

RATE = 8000
PAUSES = ([0, 0.5, 0.55, 0.74, 0.94, 1], [0.3, 0.46, 0.5, 0.7, 1.0, 1.5])
LINE_NOISE_DBFS = -62
KEYS = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477)]


def read(directory, level):
    """The utterances of a directory, trimmed, at this level while somebody speaks."""
    utterances = []
    for path in sorted(Path(directory).rglob("*.wav")):
        samples, rate = soundfile.read(path, always_2d=True)
        samples = resample_poly(samples.mean(axis=1), RATE, rate)
        loud = np.nonzero(levels(samples) > levels(samples).max() - 35)[0]
        samples = samples[loud[0] * 80 : (loud[-1] + 1) * 80]
        utterances.append(at_level(samples, level))
    return utterances


def levels(samples):
    """The level of every 10 ms, in dB."""
    whole = samples[: len(samples) // 80 * 80].reshape(-1, 80)
    return 10 * np.log10((whole**2).mean(axis=1) + 1e-12)


def at_level(samples, dbfs):
    level = np.sort(levels(samples))
    active = level[level > level[-1] - 25]
    now = 10 * np.log10(np.mean(10 ** (active / 10)))
    return samples * 10 ** ((dbfs - now) / 20)


def gaps(samples):
    """Silences inside an utterance, (start, end) in steps of 10 ms: real pauses, or else dips."""
    level = levels(samples)
    quiet = level < level.max() - 30
    edges = np.flatnonzero(np.diff(np.r_[0, quiet, 0]))
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2]) if 50 < a and b < len(level) - 50]
    return [r for r in runs if r[1] - r[0] >= 18] or [r for r in runs if r[1] - r[0] >= 5]


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

    def turn(self, samples):
        """A turn with pauses, and the silence after it."""
        start, place = self.at, 0
        chosen = gaps(samples)
        self.rng.shuffle(chosen)
        for a, b in sorted(chosen[: self.rng.integers(1, 4)]):
            self.at = self.put(self.caller, self.at, samples[place : a * 80])
            pause = np.interp(self.rng.random(), *PAUSES)
            self.label(self.at, self.at + pause, "hesitation")
            self.at, place = self.at + pause, b * 80
        self.at = self.put(self.caller, self.at, samples[place:])
        self.label(start, self.at, "speech")
        self.at += self.rng.uniform(3.2, 4)

    def speak(self, utterances):
        """The agent speaks; gives when it began and ended."""
        start = self.at
        for samples in utterances:
            end = self.put(self.agent, self.at, samples)
            self.at = end + self.rng.uniform(0.2, 0.4)
        self.label(start, end, "agent")
        self.at = end + self.rng.uniform(0.5, 0.9)
        return start, end

    def full(self):
        return self.at > len(self.caller) / RATE - 25

    def condition(self, text):
        self.label(0, len(self.caller) / RATE, text)

    def save(self, path):
        end = min(int(self.at * RATE), len(self.caller))
        noise = self.rng.normal(size=end) * 10 ** (LINE_NOISE_DBFS / 20)
        both = np.stack([self.caller[:end] + noise, self.agent[:end]], axis=1)
        soundfile.write(path.with_suffix(".wav"), np.clip(both, -1, 1), RATE, subtype="PCM_16")
        lines = [f"{a:.3f}\t{min(b, end / RATE):.3f}\t{text}" for a, b, text in sorted(self.labels)]
        path.with_suffix(".txt").write_text("\n".join(lines) + "\n")


def conversation(sources, rng, seconds=120):
    """The agent asks, the caller answers with pauses."""
    call = Call(seconds, rng)
    while not call.full():
        call.speak([pick(sources.agent, rng)])
        call.turn(pick(sources.turns, rng))
    return call


def overlap(sources, rng, seconds=120):
    """The agent speaks at length; callers listen, signal that they do, or interrupt."""
    call = Call(seconds, rng)
    while not call.full():
        start, end = call.speak([pick(sources.agent, rng) for _ in range(4)])
        if end - start < 6:
            continue
        at = rng.uniform(start + 1.5, end - 3)
        kind = rng.choice(["nothing", "backchannel", "interruption"], p=[0.2, 0.4, 0.4])
        if kind != "nothing":
            said = pick(sources.backchannels if kind == "backchannel" else sources.interruptions, rng)
            call.label(at, call.put(call.caller, at, said), kind)
        call.at = max(call.at + 1, at + 4)
    return call


def pick(utterances, rng):
    return utterances[rng.integers(len(utterances))]


def echo(call, loss_db, rng):
    delay = rng.uniform(0.05, 0.25)
    taps = np.zeros(40)
    taps[[0, 3, 9, 21]] = [0.84, 0.42, -0.3, 0.17]
    back = lfilter(taps, 1, call.agent) * 10 ** (-loss_db / 20)
    call.put(call.caller, delay, back[: len(back) - int(delay * RATE) - 1])
    call.condition(f"echo -{loss_db} dB")


def noise(call, kind, snr_db, level, sources, rng):
    if kind == "pink":
        sound = lfilter([0.05, -0.096, 0.05, -0.004], [1, -2.495, 2.017, -0.522],
                        rng.normal(size=len(call.caller)))
    else:
        sound = np.zeros(len(call.caller))
        for _ in range(6):
            at = 0
            while at < len(sound) / RATE:
                at = call.put(sound, at, pick(sources.turns, rng)) + rng.uniform(0, 0.3)
    sound *= 10 ** ((level - snr_db) / 20) / np.sqrt(np.mean(sound**2))
    call.caller += sound
    call.condition(f"noise {kind} {snr_db} dB")


def keys(call, rng):
    at = 2.0
    while at < call.at - 2:
        low, high = KEYS[rng.integers(len(KEYS))]
        time = np.arange(int(rng.uniform(0.08, 0.3) * RATE)) / RATE
        tone = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
        at = call.put(call.caller, at, 0.1 * tone) + rng.choice([0.1, 0.3, 2.0])
    call.condition("dtmf")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    for name in ["turns", "agent", "interruptions", "backchannels"]:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=2, help="calls of each kind")
    args = parser.parse_args()
    level = -24
    sources = argparse.Namespace(
        turns=read(args.turns, level),
        agent=read(args.agent, -20),
        interruptions=read(args.interruptions, level),
        backchannels=read(args.backchannels, level - 3),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    for n in range(args.calls):
        for m in range(2):
            conversation(sources, rng).save(args.out / f"clear-{n}{m}")
            overlap(sources, rng).save(args.out / f"overlap-{n}{m}")
        for kind in ["pink", "babble"]:
            for shape in [conversation, overlap]:
                call = shape(sources, rng)
                noise(call, kind, 10, level, sources, rng)
                call.save(args.out / f"{kind}-{shape.__name__}-{n}")
        for loss_db in [25, 35]:
            for m in range(2):
                call = overlap(sources, rng)
                echo(call, loss_db, rng)
                call.save(args.out / f"echo-{loss_db}-{n}{m}")
        call = overlap(sources, rng)
        call.labels = [label for label in call.labels if label[2] == "agent"]
        call.caller[:] = 0
        keys(call, rng)
        call.save(args.out / f"dtmf-{n}")


if __name__ == "__main__":
    main()
