"""The synthesizer flite, called through its shared libraries."""
import ctypes

import numpy as np


class Flite:
    """A voice of flite that reports word times."""

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
        """Returns the samples, their rate, and the start and end in seconds of each token."""
        utterance = self.lib.flite_synth_text(text.encode(), self.voice)
        wave = self.lib.utt_wave(utterance).contents
        samples, rate = np.ctypeslib.as_array(wave.samples, (wave.length,)) / 32768, wave.rate
        times = []
        item = self.lib.relation_head(self.lib.utt_relation(utterance, b"Token"))
        ends = [b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end",
                b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"]
        while item:
            times.append([self.lib.flite_ffeature_float(item, path) for path in ends])
            item = self.lib.item_next(item)
        self.lib.delete_utterance(utterance)
        return samples, rate, np.array(times)
