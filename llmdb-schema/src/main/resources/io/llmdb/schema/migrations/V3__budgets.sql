-- What holds budgets. A counter is named by its scope, the id of what it belongs to (of a member: the user, and the team or
-- organization as parent_id) and, beside the main one, by a model or the length of a further window.
-- A counter row (V1) is locked to grant a lease on it; spend + all leases on it <= limit at every grant.

-- Counters that have no table of their own: the whole proxy, a scope's further windows, a model's budget within a scope.
CREATE TABLE ${llmdb}."LLM_SpendCounter" (
    scope              text NOT NULL,
    scope_id           text NOT NULL,
    parent_id          text NOT NULL DEFAULT '',
    model              text NOT NULL DEFAULT '',
    budget_duration    text NOT NULL DEFAULT '',
    spend              numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend        numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start timestamptz,
    budget_reset_at    timestamptz,
    PRIMARY KEY (scope, scope_id, parent_id, model, budget_duration)
) WITH (fillfactor = 50);

-- A slice of what is left of one counter, held by one instance until expires_at by this server's clock. What the instance settles is
-- taken from the slice in the transaction that adds it to the counter, as far as its reservation reached.
CREATE TABLE ${llmdb}."LLM_Lease" (
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    parent_id       text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    budget_duration text NOT NULL DEFAULT '',
    holder          uuid NOT NULL,
    amount          numeric NOT NULL CHECK (amount >= 0 AND amount < 'Infinity'),
    window_start    timestamptz,
    window_end      timestamptz,
    expires_at      timestamptz NOT NULL,
    -- Somebody else was refused for want of what this lease may hold idle; the holder hands that back.
    recalled        boolean NOT NULL DEFAULT false,
    -- The number of the question that set it: one that arrives late changes nothing.
    turn            bigint NOT NULL DEFAULT 0,
    -- What is booked under another epoch was reserved on a lease that is over, and takes nothing from this one.
    epoch           bigint NOT NULL DEFAULT 0,
    -- When the holder last said what it has in use, and handed back the rest.
    set_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the holder was last refused what its calls need; null: the last time it was not.
    refused_at      timestamptz,
    PRIMARY KEY (scope, scope_id, parent_id, model, budget_duration, holder)
) WITH (fillfactor = 50);
CREATE INDEX "LLM_Lease_holder_idx" ON ${llmdb}."LLM_Lease" (holder);

-- Past windows, written when a counter moves on to the next.
CREATE TABLE ${llmdb}."LLM_BudgetWindow" (
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    parent_id       text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    budget_duration text NOT NULL DEFAULT '',
    window_start    timestamptz NOT NULL,
    window_end      timestamptz NOT NULL,
    spend           numeric NOT NULL,
    PRIMARY KEY (scope, scope_id, parent_id, model, budget_duration, window_start)
);

-- A crossing of soft_budget or of 80 % of max_budget, raised once per window.
CREATE TABLE ${llmdb}."LLM_BudgetAlert" (
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    parent_id       text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    budget_duration text NOT NULL DEFAULT '',
    kind            text NOT NULL CHECK (kind IN ('soft_budget', 'max_budget_80_percent')),
    -- -infinity: since the counter was made
    window_start    timestamptz NOT NULL,
    spend           numeric NOT NULL,
    threshold       numeric NOT NULL,
    raised_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, scope_id, parent_id, model, budget_duration, kind, window_start)
);

-- What a counter holds that no log row of ours explains: an import's opening balance, overspend carried into the next window, a correction
-- by hand. "amount" counts in the window that effective_at lies in, total_amount in the lifetime total.
CREATE TABLE ${llmdb}."LLM_SpendAdjustment" (
    id              uuid PRIMARY KEY,
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    parent_id       text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    budget_duration text NOT NULL DEFAULT '',
    amount          numeric NOT NULL CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    total_amount    numeric NOT NULL CHECK (total_amount > '-Infinity' AND total_amount < 'Infinity'),
    effective_at    timestamptz NOT NULL,
    reason          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
CREATE INDEX "LLM_SpendAdjustment_scope_idx" ON ${llmdb}."LLM_SpendAdjustment" (scope, scope_id, parent_id);

-- Work that one instance does for all: a row is claimed until a time by this server's clock, so no session has to hold a lock.
CREATE TABLE ${llmdb}."LLM_Job" (
    job_name      text PRIMARY KEY,
    next_run_at   timestamptz NOT NULL DEFAULT '-infinity',
    claimed_by    uuid,
    claimed_until timestamptz,
    last_run_at   timestamptz,
    last_error    text
);

-- Facts about this database as a whole, such as "it has moved".
CREATE TABLE ${llmdb}."LLM_DatabaseState" (
    name       text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
