package io.llmdb.examples.gateway.traffic;

import java.util.List;

/**
 * A request that a client is going to send. All that follows from it, follows from it alone.
 *
 * @param id its id, which the client sends along
 * @param app who sends it
 * @param model the model
 * @param promptTokens words of its prompt
 * @param maxTokens the most tokens of its answer
 * @param exact whether the answer shall have exactly that many
 * @param stream whether it asks for the answer in parts
 * @param leaves whether the client leaves after the first part
 * @param endUser the client's own user; empty: none
 * @param tags tags
 * @param atNanos when to send it after the start; used where requests are sent by the clock
 */
public record PlannedRequest(
        String id,
        String app,
        String model,
        int promptTokens,
        int maxTokens,
        boolean exact,
        boolean stream,
        boolean leaves,
        String endUser,
        List<String> tags,
        long atNanos) {

    /** Copies the list. */
    public PlannedRequest {
        tags = List.copyOf(tags);
    }
}
