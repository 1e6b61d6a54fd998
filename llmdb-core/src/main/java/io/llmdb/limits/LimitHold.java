package io.llmdb.limits;

import io.llmdb.limits.LimitSlice.Part;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one admitted request holds of the limits that apply to it. The first of {@link #settle} and {@link #release}
 * takes effect, the other does nothing. Safe for use by several threads.
 */
public final class LimitHold {

    /** Holds nothing. */
    public static final LimitHold NONE = new LimitHold(null, List.of());

    private final @Nullable LimitDesk desk;
    private final List<Part> parts;
    private boolean ended;

    LimitHold(@Nullable LimitDesk desk, List<Part> parts) {
        this.desk = desk;
        this.parts = parts;
    }

    /** @return whether no limit applies, so that nothing has to be ended */
    public boolean isEmpty() {
        return parts.isEmpty();
    }

    /**
     * The request is over: frees its slots and corrects its tokens. What it used less than estimated is free again as
     * long as the minute of its admission lasts; what it used more counts in the present minute.
     *
     * @param tokens what it has used, prompt and answer together
     */
    public synchronized void settle(long tokens) {
        if (ended || desk == null) {
            return;
        }
        ended = true;
        for (Part part : parts) {
            switch (part.id().kind()) {
                case PARALLEL -> part.giveBack();
                case TOKENS -> desk.correct(part, tokens);
                case REQUESTS -> {}
            }
        }
    }

    /** The request never came about: gives everything back, as far as the minute of its admission lasts. */
    public synchronized void release() {
        if (!ended) {
            ended = true;
            parts.forEach(Part::giveBack);
        }
    }

    /** Nobody has heard of the request for long: frees its slots. What else it holds stays until it is ended. */
    public synchronized void expire() {
        if (!ended) {
            parts.stream()
                    .filter(part -> part.id().kind() == LimitKind.PARALLEL)
                    .forEach(Part::giveBack);
        }
    }
}
