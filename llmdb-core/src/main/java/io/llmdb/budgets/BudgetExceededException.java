package io.llmdb.budgets;

import io.llmdb.error.LlmDbException;
import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A request is refused, because it does not fit into a budget. Nothing was reserved. */
public final class BudgetExceededException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private final transient BudgetState state;
    private final BigDecimal estimate;

    BudgetExceededException(BudgetState state, BigDecimal estimate) {
        super("The budget of " + state.counter() + " has no room for a request of about " + plain(estimate) + ": spent "
                + plain(state.spent()) + ", reserved " + plain(state.reserved()) + ", limit "
                + (state.limit() == null ? "none" : plain(state.limit()))
                + (state.resetAt() == null ? ", never reset" : ", reset at " + state.resetAt()));
        this.state = state;
        this.estimate = estimate;
    }

    /** @return the budget as it stood at the refusal */
    public BudgetState state() {
        return state;
    }

    /** @return whose budget */
    public CounterId counter() {
        return state.counter();
    }

    /** @return what the request was expected to cost */
    public BigDecimal estimate() {
        return estimate;
    }

    /** @return when the budget's window ends, or null where it never does */
    public @Nullable Instant resetAt() {
        return state.resetAt();
    }

    private static String plain(BigDecimal amount) {
        return amount.signum() == 0 ? "0" : amount.stripTrailingZeros().toPlainString();
    }
}
