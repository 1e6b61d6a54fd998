package io.llmdb.examples.gateway.upstream;

import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/** Answers chat completions. Safe for use by several threads. */
public interface Upstream extends AutoCloseable {

    /**
     * A whole answer.
     *
     * @param body the answer as the client gets it
     * @param usage what it took
     */
    record Answer(ObjectNode body, Usage usage) {}

    /** Takes the parts of a streamed answer as they come. */
    interface Chunks {

        /**
         * @param chunk a part of the answer as the client gets it; never the one that only tells the usage
         * @param tokensSoFar tokens of the answer up to here
         * @throws IOException where the client is gone, which ends the stream
         */
        void next(ObjectNode chunk, long tokensSoFar) throws IOException;
    }

    /**
     * How many tokens a prompt will be, for the estimate before the call.
     *
     * @param request the request
     * @return tokens, rather too many than too few
     */
    long countPrompt(ChatRequest request);

    /**
     * Asks for a whole answer.
     *
     * @param request the request
     * @return the answer
     * @throws UpstreamException where there is none
     */
    Answer answer(ChatRequest request) throws UpstreamException;

    /**
     * Asks for an answer in parts.
     *
     * @param request the request
     * @param chunks takes the parts
     * @return what the answer took
     * @throws UpstreamException where the upstream fails, before the first part or after some
     * @throws IOException what {@code chunks} threw
     */
    Usage stream(ChatRequest request, Chunks chunks) throws UpstreamException, IOException;

    /** @return its address, for the log */
    String address();

    @Override
    void close();
}
