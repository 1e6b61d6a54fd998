package io.llmdb.examples.gateway.upstream;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's forms of answers. */
public final class Shapes {

    private Shapes() {}

    /**
     * @param request the request
     * @param text the answer's text
     * @param usage what it took
     * @return a whole answer
     */
    static ObjectNode answer(ChatRequest request, String text, Usage usage) {
        ObjectNode answer = head(request, "chat.completion");
        ObjectNode choice = answer.putArray("choices").addObject();
        choice.put("index", 0);
        choice.putObject("message").put("role", "assistant").put("content", text);
        choice.put("finish_reason", "stop");
        answer.set("usage", usage(usage));
        return answer;
    }

    /**
     * @param request the request
     * @param text the next part of the answer's text; null in the last part
     * @return a part of an answer
     */
    static ObjectNode chunk(ChatRequest request, @Nullable String text) {
        ObjectNode chunk = head(request, "chat.completion.chunk");
        ObjectNode choice = chunk.putArray("choices").addObject();
        choice.put("index", 0);
        ObjectNode delta = choice.putObject("delta");
        if (text != null) {
            delta.put("role", "assistant").put("content", text);
        }
        choice.put("finish_reason", text == null ? "stop" : null);
        return chunk;
    }

    /**
     * @param request the request
     * @param usage what the answer took
     * @return the part of an answer that tells it
     */
    public static ObjectNode usageChunk(ChatRequest request, Usage usage) {
        ObjectNode chunk = head(request, "chat.completion.chunk");
        chunk.putArray("choices");
        chunk.set("usage", usage(usage));
        return chunk;
    }

    private static ObjectNode head(ChatRequest request, String object) {
        return Json.object()
                .put("id", "chatcmpl-" + request.id())
                .put("object", object)
                .put("created", System.currentTimeMillis() / 1000)
                .put("model", request.model());
    }

    private static ObjectNode usage(Usage usage) {
        return Json.object()
                .put("prompt_tokens", usage.promptTokens())
                .put("completion_tokens", usage.completionTokens())
                .put("total_tokens", usage.promptTokens() + usage.completionTokens());
    }
}
