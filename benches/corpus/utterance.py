"""Utterances with word times, and the places where a speaker may hesitate."""
import re
from dataclasses import dataclass, field, replace

import numpy as np

RATE = 8000
STEP = 80
CALLER_DBFS = -24
QUIET_DBFS = -48
REAL_PAUSE = 0.18


@dataclass
class Utterance:
    """Samples at the caller's level, with words and places for hesitations."""

    samples: np.ndarray
    words: list = field(default_factory=list)  # (start, end, word), in seconds
    cuts: list = field(default_factory=list)  # (start, end, how likely a speaker hesitates here)

    @property
    def seconds(self):
        return len(self.samples) / RATE


def levels(samples):
    """Returns the level of every 10 ms, in dB."""
    whole = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    return 10 * np.log10((whole**2).mean(axis=1) + 1e-12)


def at_level(samples, dbfs):
    """Returns the samples with this level during speech."""
    level = np.sort(levels(samples))
    active = level[level > level[-1] - 25]
    now = 10 * np.log10(np.mean(10 ** (active / 10)))
    return samples * 10 ** ((dbfs - now) / 20)


def trim(samples):
    """Returns the start and the end of the speech, in samples."""
    level = levels(samples)
    loud = np.nonzero(level > level.max() - 35)[0]
    return loud[0] * STEP, (loud[-1] + 1) * STEP


def quiet_runs(samples, shortest):
    """Returns the silences inside an utterance, (start, end) in seconds."""
    level = levels(samples)
    quiet = level < QUIET_DBFS
    edges = np.flatnonzero(np.diff(np.r_[0, quiet, 0]))
    runs = zip(edges[::2] / 100, edges[1::2] / 100)
    return [(a, b) for a, b in runs if b - a >= shortest and 0 < a and b < len(level) / 100]


def written(text):
    """Returns the words as a recognizer writes them: a final mark only after the last."""
    tokens = [token for token in text.split() if re.search(r"\w", token)]
    tokens = [token.lower() if len(token) > 5 and token.isupper() else token for token in tokens]
    inner = [token.strip("-\"„“”…").rstrip(".!?…") for token in tokens]
    last = re.sub(r"[.…]*$", "", tokens[-1]) if tokens else ""
    return inner[:-1] + [last if last[-1:] in "!?" else last.rstrip(",;:") + "."] if tokens else []


def place(letters, marked, parts):
    """Returns the number of words before each part of the speech, and after the last.

    The words of a part fit its length; parts end after a punctuation mark if that fits too.
    """
    rate = sum(parts) / sum(letters)
    best = {0: (0.0, [0])}
    for part in parts:
        reached = {}
        for start, (cost, path) in best.items():
            for end in range(start + 1, len(letters) + 1):
                off = part - rate * sum(letters[start:end])
                total = cost + off**2 + 0.05 * (not marked[end - 1])
                if total < reached.get(end, (np.inf,))[0]:
                    reached[end] = (total, [*path, end])
        best = reached
    return best[len(letters)][1]


def align(samples, text, hesitant):
    """Returns an utterance with word times that are estimated from the pauses and letters."""
    words, timed = written(text), []
    tokens = [token for token in text.split() if re.search(r"\w", token)]
    marked = [token[-1] in ",;:.!?…" for token in tokens]
    if words:
        pauses = quiet_runs(samples, 0.15)
        pauses = sorted(sorted(pauses, key=lambda run: run[0] - run[1])[: len(words) - 1])
        edges = [0.0, *[t for pause in pauses for t in pause], len(samples) / RATE]
        parts = list(zip(edges[::2], edges[1::2]))
        letters = [len(re.sub(r"\W", "", word)) + 1 for word in words]
        path = place(letters, marked, [end - start for start, end in parts])
        for (start, end), first, last in zip(parts, path, path[1:]):
            shares = np.cumsum([0, *letters[first:last]]) / sum(letters[first:last])
            times = start + (end - start) * shares
            timed += list(zip(times, times[1:], words[first:last]))
    cuts = []
    for a, b in quiet_runs(samples, 0.05):
        score = 2.0 * (b - a >= REAL_PAUSE) + (b - a >= 0.08 and not words)
        if words:
            ends = np.array([end for _, end, _ in timed[:-1]] + [np.inf])
            nearest = int(np.abs(ends - a).argmin())
            likely = marked[nearest] or tokens[nearest].strip(".…").lower() in hesitant
            score += (abs(ends[nearest] - a) < 0.15) * (1 + 2 * likely)
        if score >= 1:
            cuts.append((a, b, score))
    return Utterance(samples, timed, cuts)


def join(utterances, gap, final):
    """Joins utterances with gaps of silence; the last word ends the turn if `final`."""
    samples, words, at = [], [], 0.0
    for utterance in utterances:
        words += [(at + a, at + b, word) for a, b, word in utterance.words]
        samples += [utterance.samples, np.zeros(int(gap * RATE))]
        at += utterance.seconds + int(gap * RATE) / RATE
    if words and final:
        words[-1] = (*words[-1][:2], words[-1][2].rstrip(".") + ".")
    return Utterance(np.concatenate(samples[:-1]), words)


def split(utterance, cuts):
    """Returns the parts of an utterance between cuts; the middle of a word decides on its part."""
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
    """Shortens silences inside an utterance, so that all long pauses of a turn are drawn."""
    long = [(a, b, 0) for a, b in quiet_runs(utterance.samples, longest + 0.02)]
    return join(split(utterance, long), longest, final=False) if long else utterance


def hesitate(utterance, rng):
    """Splits an utterance at one to three places for hesitations."""
    chosen = []
    order = rng.random(len(utterance.cuts))
    for score, (a, b, _) in sorted(((c[2] + r, c) for c, r in zip(utterance.cuts, order)),
                                   reverse=True)[:rng.integers(1, 4)]:
        edges = [0, utterance.seconds, *[t for cut in chosen for t in cut[:2]]]
        if min(min(abs(a - t), abs(b - t)) for t in edges) > 0.25:
            chosen.append((a, b, score))
    return split(utterance, chosen)


def unfinished(parts):
    """Removes the final mark of a sentence that another sentence follows."""
    last = parts[-1]
    words = [*last.words[:-1], *[(a, b, word.rstrip(".!?")) for a, b, word in last.words[-1:]]]
    return [*parts[:-1], replace(last, words=words)]
