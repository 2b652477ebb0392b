//! Shapes of answers, logs and spans that the products' documentation, client libraries and users' reports show, with the
//! quantities that they stand for.

use super::adapters::{check, usage_of};

#[test]
fn tools_of_a_response_are_counted() {
    check(
        "openai",
        |rest| format!(r#"{{"id":"a","created":1780272000,"model":"gpt-5",{rest}}}"#),
        r#"
        "output":[{"type":"web_search_call","id":"w","status":"completed","action":{"type":"search","query":"x"}},{"type":"web_search_call","id":"w","status":"completed","action":{"type":"open_page","url":null}},{"type":"web_search_call","id":"w","status":"completed","action":{"type":"find_in_page","url":"u","pattern":"p"}},{"type":"web_search_call","id":"o"},{"type":"file_search_call","id":"f","queries":["q"]},{"type":"message","id":"m"}],"usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120} | input=100 output=20 web_search=2 file_search=1
        "output":[{"type":"image_generation_call","id":"i","result":"iVBO"},{"type":"image_generation_call","id":"j","result":null}],"usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120} | input=100 output=20 image=1
        "output":[{"type":"web_search_call","id":"w","status":"completed","action":{"type":"search","query":"x"}}],"tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0,"total_tokens":0},"web_search":{"num_requests":3}},"usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120} | input=100 output=20 web_search=3
        "tool_usage":{"image_gen":{"input_tokens":7,"output_tokens":0}},"usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120} | tool_usage.image_gen.input_tokens: is 7, and the mapping does not account for it"#,
    );
    check(
        "openai",
        |rest| format!(r#"{{"id":"a","created":1780272000,{rest}}}"#),
        r#"
        "model":"gpt-4o-search-preview-2025-03-11","usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105} | input=100 output=5 web_search=1
        "model":"gpt-image-1","data":[{"b64_json":"x"}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}} | input=10 input_image=40 output_image=50
        "model":"gpt-4o-mini-tts","type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115} | input=14 output_audio=101
        "model":"gpt-image-1.5","data":[{"b64_json":"x"}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"output_tokens_details":{"text_tokens":8,"image_tokens":42}} | input=50 output=8 output_image=42
        "model":"qwen-plus","usage":{"prompt_tokens":1622,"completion_tokens":104,"total_tokens":1726,"prompt_tokens_details":{"cached_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":1605},"cache_creation_input_tokens":1605,"cache_type":"ephemeral"}} | input=17 cache_write=1605 output=104"#,
    );
    check(
        "xai",
        |rest| format!(r#"{{"id":"a","created":1780272000,"model":"grok-4",{rest}}}"#),
        r#"
        "output":[{"type":"web_search_call","id":"a","action":{"type":"search"}},{"type":"file_search_call","id":"z"}],"usage":{"input_tokens":32,"output_tokens":103,"total_tokens":135,"server_side_tool_usage_details":{"web_search_calls":1,"x_search_calls":1,"file_search_calls":1}} | input=32 output=103 web_search=1 social_search=1 storage_search=1"#,
    );
    check(
        "openai-realtime",
        str::to_owned,
        r#"
        {"type":"conversation.item.input_audio_transcription.completed","event_id":"e","item_id":"i","time":1780272000,"model":"gpt-4o-transcribe","usage":{"type":"tokens","total_tokens":22,"input_tokens":13,"input_token_details":{"text_tokens":0,"audio_tokens":13},"output_tokens":9}} | input_audio=13 output=9
        {"type":"conversation.item.input_audio_transcription.completed","event_id":"e","item_id":"i","time":1780272000,"model":"whisper-1","usage":{"type":"duration","seconds":12}} | input_second=12
        {"type":"response.done","time":1780272000,"response":null} | skipped
        {"type":"session.created","event_id":"e","session":{"model":"gpt-realtime"}} | skipped"#,
    );
}

#[test]
fn searches_of_gemini_are_counted_as_they_are_charged() {
    check(
        "gemini",
        |rest| format!(r#"{{"responseId":"r","createTime":"2026-06-01T00:00:00Z",{rest}}}"#),
        r#"
        "modelVersion":"gemini-2.5-flash-preview-09-2025","candidates":[{"groundingMetadata":{"webSearchQueries":["a","b","a",""],"groundingChunks":[{"web":{"uri":"u"}}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13} | input=8 output=5 web_search=1
        "modelVersion":"models/gemini-2.5-pro","candidates":[{"groundingMetadata":{"webSearchQueries":["a","b","a",""],"groundingChunks":[{"web":{"uri":"u"}}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13} | input=8 output=5 web_search=1
        "modelVersion":"gemini-3-pro-preview","candidates":[{"groundingMetadata":{"webSearchQueries":["a","b","a",""],"groundingChunks":[{"web":{"uri":"u"}}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13} | input=8 output=5 web_search=2
        "modelVersion":"gemini-3-pro-preview","candidates":[{"groundingMetadata":{"webSearchQueries":["a","b","a",""],"groundingChunks":[{"maps":{"uri":"u"}}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13} | input=8 output=5 maps_search=2
        "modelVersion":"gemini-2.5-flash","candidates":[{"groundingMetadata":{"webSearchQueries":["a","b","a",""],"groundingChunks":[{"maps":{"uri":"u"}},{"web":{"uri":"u"}}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13} | input=8 output=5 web_search=1 maps_search=1
        "model_version":"gemini-2.5-flash","candidates":[{"grounding_metadata":{"web_search_queries":["a","b"]}}],"usage_metadata":{"prompt_token_count":8,"candidates_token_count":5,"total_token_count":13,"initial_prompt_token_count":8} | input=8 output=5 web_search=1
        "modelVersion":"gemini-3-pro","usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":5,"totalTokenCount":13,"promptTokensDetails":[{"modality":"MODALITY_UNSPECIFIED","tokenCount":8}],"candidatesTokensDetails":[{"modality":"VIDEO","tokenCount":4}]} | input=8 output=1 output_video=4"#,
    );
}

#[test]
fn streams_and_other_vendors_of_bedrock_are_read() {
    check(
        "bedrock",
        |rest| {
            format!(
                r#"{{"schemaType":"ModelInvocationLog","timestamp":"2026-06-01T00:00:00Z","region":"us-east-1","requestId":"r","modelId":"m",{rest}}}"#
            )
        },
        r#"
        "input":{"inputTokenCount":10},"output":{"outputTokenCount":20,"outputBodyJson":[{"type":"message_start","message":{"id":"m","usage":{"input_tokens":10,"cache_creation_input_tokens":500,"cache_read_input_tokens":3000,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":400},"output_tokens":1}}},{"type":"message_delta","usage":{"output_tokens":20}},{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":20,"cacheReadInputTokenCount":3000,"cacheWriteInputTokenCount":500,"invocationLatency":900,"firstByteLatency":30}}]} | input=10 cache_read=3000 cache_write=100 cache_write_1h=400 output=20
        "input":{"inputTokenCount":10},"output":{"outputTokenCount":21,"outputBodyJson":[{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":20,"cacheReadInputTokenCount":3000,"cacheWriteInputTokenCount":500,"invocationLatency":900,"firstByteLatency":30}}]} | quantities: output: output.outputTokenCount and sum(output.outputBodyJson[*].`amazon-bedrock-invocationMetrics`.outputTokenCount) state different counts of the same
        "input":{"inputTokenCount":10},"output":{"outputTokenCount":20,"outputBodyJson":[{"metadata":{"usage":{"inputTokens":10,"outputTokens":20,"totalTokens":35,"cacheReadInputTokenCount":5}}}]} | input=10 cache_read=5 output=20
        "input":{"inputTokenCount":5},"output":{"outputTokenCount":7,"outputBodyJson":{"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}} | input=5 output=7
        "input":{},"output":{"outputBodyJson":{"artifacts":[{"seed":1,"base64":"x"}]}} | image=1
        "input":{},"output":{"outputBodyJson":{"results":[{"index":0,"relevance_score":0.9}]}} | request=1
        "input":{},"output":{"outputBodyJson":{"outputVideoDurationSeconds":6.0,"outputVideoFramesPerSecond":24}} | output_video_second=6
        "input":{"inputBodyS3Path":"s3://b/i"},"output":{"outputBodyS3Path":"s3://b/o"} | quantities: input: input.inputTokenCount: is missing
        "errorCode":"ThrottlingException","input":{"inputTokenCount":0},"output":{"outputTokenCount":0} | skipped"#,
    );
}

#[test]
fn counts_of_present_litellm_versions_are_read() {
    check(
        "litellm",
        |rest| {
            format!(
                r#"{{"request_id":"r","api_key":"88dc","spend":0.1,"startTime":"2026-06-01T00:00:00Z","model":"m","custom_llm_provider":"openai",{rest}}}"#
            )
        },
        r#"
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"prompt_tokens_details":{"cached_tokens":64,"text_tokens":90,"audio_tokens":10,"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}}}} | input=30 cache_read=60 input_audio=6 cache_audio_read=4 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"call_type":"aimage_generation","metadata":{"usage_object":{"input_tokens":100,"output_tokens":20,"input_tokens_details":{"text_tokens":100}}} | input=100 output_image=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"web_search_requests":2}} | input=100 output=20 web_search=2
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"usage_object":{"prompt_tokens_details":{"query_count":2}}} | query=2
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"call_type":"arerank" | query=1
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"call_type":"rerank","response":{"meta":{"billed_units":{"search_units":3}}} | query=3
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"usage_object":{"prompt_tokens_details":{"audio_length_seconds":7.5}}} | input_audio_second=8
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"usage_object":{"duration_seconds":4.0,"input_image_count":2}} | output_video_second=4 input_image_count=2"#,
    );
}

#[test]
fn cache_writes_of_new_api_are_in_the_prompt_if_it_says_so() {
    check(
        "new-api",
        |other| {
            format!(
                r#"{{"id":5,"created_at":1780272000,"type":2,"model_name":"m","quota":9,"prompt_tokens":100,"completion_tokens":20,"token_id":68,"request_id":"r","other":{other}}}"#
            )
        },
        r#"
        {"cache_tokens":10,"cache_creation_tokens":50,"cache_creation_tokens_5m":50,"cache_write_tokens":50,"input_tokens_total":100} | input=40 cache_read=10 cache_write=50 output=20
        {"usage_semantic":"openai","cache_tokens":10,"cache_creation_tokens_1h":50} | input=40 cache_read=10 cache_write_1h=50 output=20
        {"cache_tokens":10,"cache_creation_tokens_5m":50,"cache_write_tokens":50} | input=100 cache_read=10 cache_write=50 output=20"#,
    );
}

#[test]
fn instrumentations_have_their_own_names() {
    check(
        "otel-genai",
        |attributes| {
            format!(
                r#"{{"context":{{"trace_id":"0x1","span_id":"0x2"}},"end_time":"2026-06-01T00:00:01Z","attributes":{{"gen_ai.request.model":"m",{attributes}}}}}"#
            )
        },
        r#"
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.cache_read_input_tokens":10,"gen_ai.usage.cache_write_input_tokens":20,"gen_ai.usage.total_tokens":120 | input=70 cache_read=10 cache_write=20 output=20
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.cached_input_tokens":10,"gen_ai.usage.reasoning_tokens":5 | input=90 cache_read=10 output=15 reasoning=5
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.input_token_details":"{\"cache_read\":4}","gen_ai.usage.output_token_details":"{\"reasoning\":3}" | input=96 cache_read=4 output=17 reasoning=3
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.details.cache_read_tokens":10,"gen_ai.usage.details.cached_content_tokens":10,"gen_ai.usage.details.thoughts_tokens":5,"gen_ai.usage.details.text_prompt_tokens":100,"gen_ai.usage.details.text_candidates_tokens":15 | input=90 cache_read=10 output=15 reasoning=5
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.details.input_audio_tokens":30,"gen_ai.usage.details.audio_prompt_tokens":30,"gen_ai.usage.details.cache_read_tokens":50,"gen_ai.usage.details.cache_audio_read_tokens":20 | input=40 cache_read=30 input_audio=10 cache_audio_read=20 output=20
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.details.tool_use_prompt_tokens":60,"gen_ai.usage.details.text_tool_use_prompt_tokens":60,"gen_ai.usage.details.web_search_requests":1 | input=100 output=20 web_search=1
        "gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.details.thinking_tokens":5 | input=100 output=15 reasoning=5
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_tokens_details\":{\"cached_tokens\":10,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":5,\"accepted_prediction_tokens\":1}}" | input=90 cache_read=10 output=15 reasoning=5
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input_tokens\":100,\"output_tokens\":20,\"total_tokens\":120,\"input_tokens_details\":{\"cached_tokens\":10},\"output_tokens_details\":{\"reasoning_tokens\":5}}" | input=90 cache_read=10 output=15 reasoning=5
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":90,\"output\":15,\"input_cache_read\":10,\"output_reasoning\":5}" | input=90 cache_read=10 output=15 reasoning=5
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":100,\"output\":20,\"total\":120,\"cache_read_input_tokens\":10}" | input=90 cache_read=10 output=20
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":0,\"output\":20,\"total\":120,\"input_modality_TEXT\":70,\"input_modality_AUDIO\":30}" | input=70 input_audio=30 output=20
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":10,\"output\":20,\"cache_read_input_tokens\":3000,\"cache_creation_input_tokens\":200}" | input=10 cache_read=3000 cache_write=200 output=20
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input_tokens\":10,\"output_tokens\":20,\"cache_read_input_tokens\":3000,\"cache_creation_input_tokens\":200}" | input=10 cache_read=3000 cache_write=200 output=20
        "gen_ai.operation.name":"plan","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20 | skipped"#,
    );
}

#[test]
fn tiers_are_those_that_were_charged() {
    let tier = |name: &str, record: &str| usage_of(name, record).service_tier;
    let answer = |tier: &str| {
        format!(
            r#"{{"id":"a","created":1780272000,"model":"m","service_tier":"{tier}","usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#
        )
    };
    for (stated, expected) in
        [("auto", ""), ("on_demand", ""), ("default", ""), ("flex", "flex"), ("scale", "scale")]
    {
        assert_eq!(tier("openai", &answer(stated)), expected);
    }
    let report = |result: &str| {
        format!(
            r#"{{"data":[{{"starting_at":"2026-06-01T00:00:00Z","ending_at":"2026-06-02T00:00:00Z","results":[{{"uncached_input_tokens":15,"output_tokens":5,"model":"m",{result}}}]}}]}}"#
        )
    };
    for (result, expected) in [
        (r#""service_tier":"standard","inference_geo":"global","speed":"standard""#, ""),
        (r#""service_tier":"standard","inference_geo":"us""#, "us"),
        (r#""service_tier":"batch","inference_geo":"us""#, "batch,us"),
        (r#""service_tier":"standard","speed":"fast""#, "fast"),
        (r#""service_tier":"batch","speed":"fast""#, "batch,fast,global"),
        (r#""service_tier":"flex""#, "flex"),
        (r#""service_tier":"priority_on_demand""#, "priority_on_demand"),
        (r#""service_tier":null"#, ""),
    ] {
        assert_eq!(tier("anthropic-usage", &report(result)), expected, "{result}");
    }
    let call = r#"{"timestamp":"2026-06-01T00:00:00Z","requestId":"r","modelId":"m","performanceConfig":{"latency":"optimized"},"input":{"inputTokenCount":5},"output":{"outputTokenCount":7}}"#;
    assert_eq!(tier("bedrock", call), "optimized");
    assert_eq!(tier("bedrock", &call.replace(":\"optimized", ":\"standard")), "");
    let answer = r#"{"responseId":"r","createTime":"2026-06-01T00:00:00Z","modelVersion":"m","usageMetadata":{"promptTokenCount":1,"serviceTier":"unspecified"}}"#;
    assert_eq!(tier("gemini", answer), "");
}

#[test]
fn audio_and_images_of_usage_reports_were_not_cached() {
    let page = |result: &str| {
        format!(
            r#"{{"data":[{{"start_time":1780272000,"end_time":1780358400,"results":[{{"object":"organization.usage.completions.result","model":"m","num_model_requests":2,{result}}}]}}]}}"#
        )
    };
    check(
        "openai-usage",
        page,
        r#"
        "input_tokens":1000,"output_tokens":20,"input_cached_tokens":300,"input_cached_text_tokens":200,"input_cached_audio_tokens":100,"input_audio_tokens":50,"input_text_tokens":650,"input_uncached_tokens":700 | input=650 cache_read=200 cache_audio_read=100 input_audio=50 output=20 request=2
        "input_tokens":1000,"output_tokens":20,"input_cached_tokens":100,"input_cached_image_tokens":100,"input_image_tokens":50,"input_cache_write_tokens":30 | input=820 cache_image_read=100 cache_write=30 input_image=50 output=20 request=2
        "input_tokens":1000,"output_tokens":20,"input_cached_tokens":100,"input_text_tokens":800 | quantities: input: input_tokens? - cached - written - audio_in - image_in and input_text_tokens state different counts of the same"#,
    );
}
