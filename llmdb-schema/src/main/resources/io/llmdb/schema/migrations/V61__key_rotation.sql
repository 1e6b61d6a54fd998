-- Rotation: what belongs to a key goes over to the row that was made for its new hash, and the old row goes. Called with the old row locked.
CREATE FUNCTION ${llmdb}.llmdb_rehash_key(p_old text, p_new text, p_revoke_at timestamptz, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ${llmdb}."LLM_DeprecatedVerificationToken" SET active_token_id = p_new WHERE active_token_id = p_old;
    INSERT INTO ${llmdb}."LLM_DeprecatedVerificationToken" (token, active_token_id, revoke_at, created_at)
    VALUES (p_old, p_new, p_revoke_at, p_now);

    -- Locked in the order in which leases are granted on them; made anew, as the key's row is.
    PERFORM 1 FROM ${llmdb}."LLM_SpendCounter" WHERE scope = 'key' AND scope_id = p_old
    ORDER BY parent_id COLLATE "C", model COLLATE "C", budget_duration COLLATE "C" FOR UPDATE;
    INSERT INTO ${llmdb}."LLM_SpendCounter"
        (scope, scope_id, parent_id, model, budget_duration, spend, total_spend, spend_window_start, budget_reset_at)
    SELECT scope, p_new, parent_id, model, budget_duration, spend, total_spend, spend_window_start, budget_reset_at
    FROM ${llmdb}."LLM_SpendCounter" WHERE scope = 'key' AND scope_id = p_old;

    -- The balances, which no log row under the new hash explains. The old rows leave theirs when they go (V7).
    INSERT INTO ${llmdb}."LLM_SpendAdjustment"
        (id, scope, scope_id, parent_id, model, budget_duration, amount, total_amount, effective_at, reason, created_at)
    SELECT md5(concat_ws('|', 'opened', 'key', p_new, c.parent_id, c.model, c.budget_duration, p_old))::uuid,
        'key', p_new, c.parent_id, c.model, c.budget_duration, c.spend, c.total_spend, p_now, 'balance of the id before', p_now
    FROM (SELECT '' AS parent_id, '' AS model, '' AS budget_duration, spend, total_spend
          FROM ${llmdb}."LLM_VerificationToken" WHERE token = p_new
          UNION ALL
          SELECT parent_id, model, budget_duration, spend, total_spend
          FROM ${llmdb}."LLM_SpendCounter" WHERE scope = 'key' AND scope_id = p_new) c
    WHERE c.spend <> 0 OR c.total_spend <> 0;
    DELETE FROM ${llmdb}."LLM_SpendCounter" WHERE scope = 'key' AND scope_id = p_old;

    UPDATE ${llmdb}."LLM_BudgetWindow" SET scope_id = p_new WHERE scope = 'key' AND scope_id = p_old;
    UPDATE ${llmdb}."LLM_BudgetAlert" SET scope_id = p_new WHERE scope = 'key' AND scope_id = p_old;
    DELETE FROM ${llmdb}."LLM_VerificationToken" WHERE token = p_old;
END $$;
