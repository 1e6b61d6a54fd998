package io.llmdb.examples.gateway.demo;

import io.llmdb.examples.gateway.proxy.PriceTable;
import io.llmdb.examples.gateway.traffic.PlannedRequest;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.function.Predicate;

/**
 * What the company lets its people spend.
 *
 * @param ample for whoever is not to run out
 * @param ben what ben may spend as a member of research
 * @param nightly what may be spent on the tag
 * @param searchLarge what search may spend on its large model
 * @param support what the team may spend
 * @param playground what the key may spend
 * @param customer what each end user may spend
 */
record Limits(
        BigDecimal ample,
        BigDecimal ben,
        BigDecimal nightly,
        BigDecimal searchLarge,
        BigDecimal support,
        BigDecimal playground,
        BigDecimal customer) {

    /** Some run out: after six tenths of what they are going to ask for. */
    static Limits someRunOut(Workload workload, PriceTable prices) {
        BigDecimal largest = workload.requests().stream()
                .filter(request -> !request.endUser().isEmpty())
                .map(PlannedRequest::endUser)
                .distinct()
                .map(endUser ->
                        workload.likelyCost(prices, request -> request.endUser().equals(endUser)))
                .max(BigDecimal::compareTo)
                .orElse(BigDecimal.ONE);
        return new Limits(
                ample(workload, prices),
                part(workload, prices, request -> request.app().equals("evals")),
                part(workload, prices, request -> request.app().equals("nightly")),
                part(
                        workload,
                        prices,
                        request -> request.app().equals("search")
                                && request.model().equals("gpt-4o")),
                part(workload, prices, request -> request.app().equals("helpdesk")),
                part(workload, prices, request -> request.app().equals("playground")),
                rounded(largest.multiply(new BigDecimal("0.6"))));
    }

    /** Nobody runs out, but everybody has a limit, so that every request is admitted against all of them. */
    static Limits nobodyRunsOut(Workload workload, PriceTable prices) {
        BigDecimal ample = ample(workload, prices);
        return new Limits(ample, ample, ample, ample, ample, ample, ample);
    }

    /** For people who try it by hand: the playground's key is used up soon. */
    static Limits forPeople() {
        BigDecimal ten = BigDecimal.TEN;
        return new Limits(ten, ten, ten, ten, ten, new BigDecimal("0.01"), BigDecimal.ONE);
    }

    private static BigDecimal ample(Workload workload, PriceTable prices) {
        return rounded(workload.mostCost(prices).multiply(BigDecimal.TEN)).max(BigDecimal.TEN);
    }

    private static BigDecimal part(Workload workload, PriceTable prices, Predicate<PlannedRequest> which) {
        return rounded(workload.likelyCost(prices, which).multiply(new BigDecimal("0.6")));
    }

    private static BigDecimal rounded(BigDecimal amount) {
        BigDecimal rounded = amount.round(new MathContext(2, RoundingMode.UP));
        return new BigDecimal(rounded.toPlainString());
    }
}
