-- Of the event as it came, where prompts were left out that are not to be kept; NULL: its own, also once it was mended.
ALTER TABLE ${llmdb}."LLM_DeadLetter" ADD COLUMN known_by bigint;
