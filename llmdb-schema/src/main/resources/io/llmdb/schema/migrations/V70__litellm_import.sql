-- What is known of an import from a LiteLLM database, so that it can be broken off at any moment, and run again later to bring what is new.
-- A database takes from one LiteLLM database only.

CREATE TABLE ${llmdb}."LLM_Import" (
    name           text PRIMARY KEY,
    -- which database and schema it was taken from
    source         text NOT NULL,
    -- what log rows without a usable time are given, so that every run gives them the same
    first_snapshot timestamptz NOT NULL,
    -- of the latest run
    run            bigint NOT NULL DEFAULT 0,
    started_at     timestamptz,
    -- null: it was broken off
    finished_at    timestamptz
);

-- One row for each row of ours that came from there: what both sides were like then, to tell later who changed it since.
CREATE TABLE ${llmdb}."LLM_ImportRow" (
    table_name    text NOT NULL,
    row_id        text NOT NULL,
    parent_id     text NOT NULL DEFAULT '',
    source_digest text NOT NULL,
    -- null: not ours to change; it was here already
    target_digest text,
    -- the counter over there; null: it has none, so what the log rows say counts
    spend         numeric,
    total_spend   numeric,
    budget_reset_at timestamptz,
    -- the end of the window here whose spend is what the log rows say, because the one over there was over already; null: there is none
    log_window_end timestamptz,
    -- the latest run that met it over there
    run           bigint NOT NULL,
    PRIMARY KEY (table_name, row_id, parent_id)
);

-- The days of the logs that are here in full, with a checksum over the ids of their rows over there.
CREATE TABLE ${llmdb}."LLM_ImportDay" (
    table_name text NOT NULL,
    day        date NOT NULL,
    row_count  bigint NOT NULL,
    checksum   numeric NOT NULL,
    PRIMARY KEY (table_name, day)
);
