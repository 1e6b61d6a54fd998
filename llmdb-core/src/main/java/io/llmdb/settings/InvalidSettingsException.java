package io.llmdb.settings;

import io.llmdb.error.LlmDbException;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Settings that cannot be used. It holds everything that is wrong with them, so that one look is enough to mend them.
 */
public final class InvalidSettingsException extends LlmDbException {

    private static final long serialVersionUID = 1L;

    private final transient List<SettingProblem> problems;
    private final transient List<SettingProblem> warnings;

    /**
     * Makes one for at least one problem.
     *
     * @param problems what is wrong
     * @param warnings what is odd beside it, and may be why
     */
    public InvalidSettingsException(List<SettingProblem> problems, List<SettingProblem> warnings) {
        super(message(problems, warnings));
        this.problems = List.copyOf(problems);
        this.warnings = List.copyOf(warnings);
    }

    /**
     * What is wrong.
     *
     * @return at least one; empty only after the exception itself was serialized, when the message still has it all
     */
    public List<SettingProblem> problems() {
        return problems == null ? List.of() : problems;
    }

    /**
     * What is odd beside the problems, such as a misspelt name.
     *
     * @return possibly none
     */
    public List<SettingProblem> warnings() {
        return warnings == null ? List.of() : warnings;
    }

    private static String message(List<SettingProblem> problems, List<SettingProblem> warnings) {
        String wrong = problems.size() == 1
                ? "A setting is wrong: " + problems.get(0)
                : problems.size() + " settings are wrong:" + lines(problems);
        return warnings.isEmpty() ? wrong : wrong + "\nBeside that:" + lines(warnings);
    }

    private static String lines(List<SettingProblem> problems) {
        return problems.stream().map(problem -> "\n  - " + problem).collect(Collectors.joining());
    }
}
