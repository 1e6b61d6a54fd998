package com.example.proxy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.BudgetExceededException;
import io.llmdb.budgets.Call;
import io.llmdb.keys.Caller;
import io.llmdb.keys.UnknownKeyException;
import java.math.BigDecimal;

/** What a proxy does with the library for each call, without the rest of a proxy. */
public final class Proxy {

    private static final BigDecimal PRICE_OF_A_WORD = new BigDecimal("0.001");

    private final LlmDb db;

    public Proxy(LlmDb db) {
        this.db = db;
    }

    /** Answers with the status line of HTTP and what the model says, which is what it is told. */
    public String call(String rawKey, String prompt) {
        Caller caller;
        try {
            caller = db.authenticate(rawKey);
        } catch (UnknownKeyException e) {
            return "401 " + e.getMessage();
        }
        int words = prompt.split(" ").length;
        BigDecimal cost = PRICE_OF_A_WORD.multiply(BigDecimal.valueOf(2L * words));
        try (Admission admission = db.budgets().admit(caller, Call.of("echo").withEstimate(cost))) {
            admission.settle(admission.event().tokens(words, words).cost(cost).build());
            return "200 " + prompt;
        } catch (BudgetExceededException e) {
            return "429 " + e.getMessage();
        }
    }
}
