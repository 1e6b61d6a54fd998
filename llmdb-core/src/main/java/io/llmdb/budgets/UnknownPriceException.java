package io.llmdb.budgets;

import io.llmdb.error.LlmDbException;

/** A request is refused, because nobody knows what it costs and the settings say to refuse such requests. */
public final class UnknownPriceException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    UnknownPriceException(String model) {
        super("Model \"" + model + "\" has no price, and unknown prices are refused where a budget applies:"
                + " give the call an estimate, or set unknown_price_policy");
    }
}
