"""The verbs. Each reads like a sentence: parse, call one function, show. Imports nothing heavy."""
