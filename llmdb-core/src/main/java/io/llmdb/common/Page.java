package io.llmdb.common;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One page of a list. The next one is found by where this one ended, so that every page costs the same and rows that
 * come or go in between shift nothing.
 *
 * @param items what the page holds, in the order asked for
 * @param next asks for the next page; null where this is the last
 * @param <T> what is listed
 */
public record Page<T>(List<T> items, @Nullable String next) {

    /** Copies the list. */
    public Page {
        items = List.copyOf(items);
    }
}
