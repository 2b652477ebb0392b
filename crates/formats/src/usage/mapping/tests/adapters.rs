//! The mappings that come with the program, on records as the programs write them.

use super::*;

/// Applies a mapping of the program to records of a table: `record | quantities that are not 0`, without the one request of
/// a record that counts something else.
pub(super) fn check(name: &str, wrap: impl Fn(&str) -> String, table: &str) {
    let constants = [("company_id", "1"), ("organization_id", "1"), ("resource_id", "k")];
    let mapping = Mapping::built_in(name).unwrap().with_constants(&constants).unwrap();
    for row in table.lines().filter(|row| row.contains('|')) {
        let (record, expected) = row.trim().rsplit_once(" | ").unwrap();
        // A record has its SKUs sorted; the table has input before output.
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        if expected.iter().all(|part| part.contains('=')) {
            expected.sort_unstable();
        }
        let got = used(apply(&mapping, &wrap(record.trim())));
        assert_eq!(got, expected.join(" "), "{name}: {row}");
    }
}

fn used(usage: Result<Option<Usage>, String>) -> String {
    let Ok(Some(usage)) = usage else { return shown(usage) };
    let is_one = |sku: &str, quantity: i64| sku == "request" && quantity == 1;
    let counts_more = usage.used().any(|(sku, quantity)| !is_one(sku, quantity));
    let shown = usage.used().filter(|(sku, quantity)| !(counts_more && is_one(sku, *quantity)));
    shown.map(|(sku, quantity)| format!("{sku}={quantity}")).collect::<Vec<_>>().join(" ")
}

/// The record of a JSON text, which must be one.
pub(super) fn usage_of(name: &str, text: &str) -> Usage {
    let constants = [("company_id", "1"), ("organization_id", "1"), ("resource_id", "k")];
    let mapping = Mapping::built_in(name).unwrap();
    let needed: Vec<(&str, &str)> =
        constants.into_iter().filter(|(field, _)| mapping.missing().contains(field)).collect();
    apply(&mapping.with_constants(&needed).unwrap(), text).unwrap().unwrap()
}

fn fields(usage: &Usage) -> [&str; 7] {
    let Usage { id, provider, model_id, resource_id, resource_name, service_tier, region, .. } = usage;
    [id, provider, model_id, resource_id, resource_name, service_tier, region]
}

#[test]
fn openai_prompt_and_completion_are_split() {
    let wrap = |usage: &str| {
        format!(
            r#"{{"id":"c-1","created":1780272000,"model":"gpt","object":"chat.completion","usage":{usage}}}"#
        )
    };
    check(
        "openai",
        wrap,
        r#"
        {"prompt_tokens":100,"completion_tokens":20,"total_tokens":120} | input=100 output=20
        {"prompt_tokens":100,"completion_tokens":20} | input=100 output=20
        {"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":null,"completion_tokens_details":null} | input=100 output=20
        {"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":15}} | input=36 cache_read=64 output=5 reasoning=15
        {"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":12,"accepted_prediction_tokens":3,"rejected_prediction_tokens":1}} | input=30 cache_read=60 input_audio=10 output=8 output_audio=12
        {"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":90}} | input=10 cache_write=90 output=20
        {"input_tokens":100,"output_tokens":20,"total_tokens":120,"input_tokens_details":{"cached_tokens":64},"output_tokens_details":{"reasoning_tokens":15}} | input=36 cache_read=64 output=5 reasoning=15
        {"input_tokens":100,"output_tokens":20,"total_tokens":120,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":50,"cache_write_tokens_details":{"ttl_30m_tokens":30,"ttl_12h_tokens":20}}} | input=46 cache_read=4 cache_write=30 cache_write_12h=20 output=20
        {"input_tokens":100,"output_tokens":20,"total_tokens":120} | input=100 output=20
        {"input_tokens":50,"output_tokens":4160,"total_tokens":4210,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":4160,"text_tokens":0}} | input=10 input_image=40 output_image=4160
        {"input_tokens":132,"output_tokens":121,"total_tokens":253,"input_token_details":{"text_tokens":119,"audio_tokens":13,"cached_tokens":70,"cached_tokens_details":{"text_tokens":64,"audio_tokens":6}},"output_token_details":{"text_tokens":30,"audio_tokens":91}} | input=55 input_audio=7 cache_read=64 cache_audio_read=6 output=30 output_audio=91
        {"type":"tokens","input_tokens":14,"output_tokens":101,"total_tokens":115,"input_token_details":{"text_tokens":0,"audio_tokens":14}} | input_audio=14 output=101
        {"type":"duration","seconds":27.4} | input_second=27
        {"prompt_tokens":8,"total_tokens":8} | input=8
        {"prompt_tokens":35,"completion_tokens":12,"total_tokens":109} | quantities: add up to 47, but the record says 109
        {"prompt_tokens":35,"completion_tokens":12,"total_tokens":109,"completion_tokens_details":{"reasoning_tokens":62}} | input=35 output=12 reasoning=62
        {"prompt_tokens":10,"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":9}} | quantities: output: is less than 0
        {"prompt_tokens":10,"prompt_cache_hit_tokens":4,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens":5} | quantities: cache_read: usage.prompt_tokens_details.cached_tokens and usage.prompt_cache_hit_tokens state different counts of the same
        {"prompt_tokens":10,"completion_tokens":5,"tool_calls":2} | usage.tool_calls: is 2, and the mapping does not account for it
        {"prompt_tokens":10,"completion_tokens":5,"cost":0.5,"cost_details":{"upstream":0.4},"queue_time":0.1} | input=10 output=5
        {"prompt_tokens":0,"completion_tokens":0,"total_tokens":0} | request=1
        {} | quantities: input: usage.input_tokens: is missing
        null | quantities: input: usage.input_tokens: is missing"#,
    );
    let images = r#"{"id":"i-1","created":1,"model":"dall-e-3","data":[{"url":"u"},{"url":"v"}]}"#;
    assert_eq!(used(Ok(Some(usage_of("openai", images)))), "image=2");
    let tier = r#"{"id":"c","created":1,"model":"m","service_tier":"flex","usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    assert_eq!(fields(&usage_of("openai", tier)), ["c", "openai", "m", "k", "", "flex", ""]);
    let line = r#"{"id":"batch_req_1","custom_id":"q-1","response":{"status_code":200,"request_id":"r","body":{"id":"chatcmpl-1","object":"chat.completion","created":1780272000,"model":"gpt-5","usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}},"error":null}"#;
    let usage = usage_of("openai-batch", line);
    assert_eq!(fields(&usage), ["chatcmpl-1", "openai", "gpt-5", "k", "", "batch", ""]);
    assert_eq!(used(Ok(Some(usage))), "input=10 output=5");
    check(
        "openai-batch",
        str::to_owned,
        r#"
        {"id":"b","response":null,"error":{"code":"batch_expired"}} | skipped
        {"id":"b","response":{"status_code":400,"body":{"error":{"message":"no"}}}} | skipped"#,
    );
    check(
        "openai-realtime",
        |event| format!(r#"{{"time":1780272000,"model":"gpt-realtime",{event}}}"#),
        r#"
        "type":"response.done","response":{"id":"resp_1","status":"completed","usage":{"total_tokens":12,"input_tokens":8,"output_tokens":4,"output_token_details":{"audio_tokens":4}}} | input=8 output_audio=4
        "type":"response.created","response":{"id":"resp_1","status":"in_progress","usage":null} | skipped
        "type":"input_audio_buffer.speech_started","event_id":"e" | skipped"#,
    );
}

#[test]
fn servers_that_answer_like_openai_have_their_own_rules() {
    let answer = |usage: &str| {
        format!(r#"{{"id":"c-1","created":1780272000,"model":"sonar-deep-research","usage":{usage}}}"#)
    };
    for (name, usage, expected) in [
        (
            "deepseek",
            r#"{"prompt_tokens":8537,"prompt_cache_hit_tokens":7936,"prompt_cache_miss_tokens":601,"completion_tokens":1,"total_tokens":8538,"prompt_tokens_details":{"cached_tokens":7936}}"#,
            "cache_read=7936 input=601 output=1",
        ),
        (
            "kimi",
            r#"{"prompt_tokens":100,"cached_tokens":60,"completion_tokens":5,"total_tokens":105}"#,
            "cache_read=60 input=40 output=5",
        ),
        (
            "xai",
            r#"{"prompt_tokens":37,"completion_tokens":530,"total_tokens":800,"prompt_tokens_details":{"text_tokens":17,"audio_tokens":0,"image_tokens":20,"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":233,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0},"num_sources_used":3,"server_side_tool_usage_details":{"web_search_calls":2,"x_search_calls":1},"num_server_side_tools_used":3,"cost_in_usd_ticks":120}"#,
            "cache_read=8 input=29 output=530 reasoning=233 search_source=3 social_search=1 web_search=2",
        ),
        (
            "perplexity",
            r#"{"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,"citation_tokens":20016,"num_search_queries":18,"reasoning_tokens":73997,"search_context_size":"low","cost":{"total_cost":0.8}}"#,
            "citation=20016 input=33 output=7163 reasoning=73997 web_search=18",
        ),
        (
            "openrouter",
            r#"{"prompt_tokens":194,"completion_tokens":20,"total_tokens":214,"cost":0.95,"is_byok":false,"cost_details":{"upstream_inference_cost":19},"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":100,"audio_tokens":4,"video_tokens":30},"completion_tokens_details":{"reasoning_tokens":5,"image_tokens":0},"server_tool_use":{"web_search_requests":2}}"#,
            "cache_read=10 cache_write=100 input=50 input_audio=4 input_video=30 output=15 reasoning=5 web_search=2",
        ),
    ] {
        let mut text = answer(usage);
        if name != "perplexity" {
            text = text.replace("sonar-deep-research", "m");
        }
        assert_eq!(used(Ok(Some(usage_of(name, &text)))), expected, "{name}");
    }
    let sonar = answer(
        r#"{"prompt_tokens":24,"completion_tokens":2681,"total_tokens":2705,"citation_tokens":5,"num_search_queries":1,"reasoning_tokens":2}"#,
    );
    let usage = usage_of("perplexity", &sonar.replace("sonar-deep-research", "sonar-pro"));
    assert_eq!(used(Ok(Some(usage.clone()))), "input=24 output=2681");
    assert_eq!(usage.provider, "perplexity");
}

#[test]
fn openai_usage_pages_and_exports_are_read() {
    let mapping = Mapping::built_in("openai-usage")
        .unwrap()
        .with_constants(&[("company_id", "1"), ("organization_id", "1")])
        .unwrap();
    let page = r#"{"object":"page","data":[{"object":"bucket","start_time":1780272000,"end_time":1780358400,"results":[
        {"object":"organization.usage.completions.result","input_tokens":141201,"output_tokens":9756,"num_model_requests":470,"project_id":"proj_1","user_id":null,"api_key_id":"key_1","model":"gpt-5","batch":true,"service_tier":null,"input_cached_tokens":1000,"input_uncached_tokens":140201,"input_audio_tokens":200,"output_audio_tokens":56},
        {"object":"organization.usage.images.result","images":2,"num_model_requests":2,"size":"1024x1024","source":"image.generation","model":"dall-e-3"},
        {"object":"organization.usage.audio_transcriptions.result","seconds":20,"num_model_requests":1,"model":"whisper-1"},
        {"object":"organization.usage.audio_speeches.result","characters":45,"num_model_requests":1,"model":"tts-1"},
        {"object":"organization.usage.web_searches.result","num_requests":7,"num_model_requests":3,"model":"gpt-5"},
        {"object":"organization.usage.vector_stores.result","usage_bytes":1024,"project_id":"proj_1"}]},
        {"object":"bucket","start_time":1780358400,"end_time":1780444800,"results":[]}],"has_more":false,"next_page":null}"#;
    let shown: Vec<String> = mapping
        .map_json(page, 1)
        .into_iter()
        .map(|mapped| match mapped {
            Mapped::Usage { usage, .. } => {
                format!("{} {:?} {}", usage.model_id, usage.service_tier, used(Ok(Some(*usage.clone()))))
            }
            Mapped::Skipped(rule) => rule.to_string(),
            Mapped::Refused(reason) => reason,
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"gpt-5 "batch" cache_read=1000 input=140001 input_audio=200 output=9700 output_audio=56 request=470"#,
            r#"dall-e-3 "" image=2 request=2"#,
            r#"whisper-1 "" input_second=20"#,
            r#"tts-1 "" input_character=45"#,
            r#"gpt-5 "" request=3 web_search=7"#,
            "usage_bytes: is 1024, and the mapping does not account for it",
            "no record in data[*].results[*]",
        ]
    );
    let read = |name: &str, header: &str, row: &str| {
        let mapping = Mapping::built_in(name)
            .unwrap()
            .with_constants(&[("company_id", "1"), ("organization_id", "1")])
            .unwrap();
        let columns = mapping.csv_columns(&mut header.split(',').map(Into::into)).unwrap();
        match mapping.map_cells(&columns, row.split(',').map(Into::into), 1) {
            Mapped::Usage { usage, .. } => {
                let [_, _, model, resource, ..] = fields(&usage);
                format!(
                    "{model} {resource} {} {:?} {}",
                    usage.time_s,
                    usage.service_tier,
                    used(Ok(Some(*usage.clone())))
                )
            }
            Mapped::Skipped(rule) => rule.to_string(),
            Mapped::Refused(reason) => reason,
        }
    };
    let header = "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,input_audio_tokens,output_audio_tokens";
    assert_eq!(
        read(
            "openai-usage-csv",
            header,
            "1780272000,1780358400,x,y,proj_1,3,,key_1,gpt-5,False,flex,100,20,60,40,,"
        ),
        r#"gpt-5 key_1 1780272000 "flex" cache_read=60 input=40 output=20 request=3"#
    );
    let header = "start_time,start_time_iso,end_time,amount_value,amount_currency,line_item,project_id,project_name,organization_id";
    assert_eq!(
        read("openai-costs-csv", header, "1780272000,x,1780358400,0.0123456789,usd,gpt-5 input,proj_1,P,org"),
        r#"gpt-5 input proj_1 1780272000 "" cost_micro_usd=12346"#
    );
    let header = "generation_id,created_at,cost_total,cost_web_search,cost_cache,cost_file_processing,byok_usage_inference,tokens_prompt,tokens_completion,tokens_reasoning,tokens_cached,model_permaslug,provider_name,variant,cancelled,streamed,user,api_key_name";
    assert_eq!(
        read(
            "openrouter-activity",
            header,
            "gen-1,2026-06-01 00:00:00.040,0.1,0,0,0,0,194,20,5,10,openai/gpt-5,OpenAI,free,false,true,u,Key 1"
        ),
        r#"openai/gpt-5:free Key 1 1780272000 "" cache_read=10 input=184 output=15 reasoning=5"#
    );
    assert_eq!(
        read(
            "openrouter-activity",
            header,
            "gen-1,2026-06-01 00:00:00.040,0,0,0,0,0,194,0,0,0,openai/gpt-5,OpenAI,standard,true,true,u,Key 1"
        ),
        "cancelled generations that used nothing"
    );
}

#[test]
fn anthropic_counts_are_disjoint_already() {
    let wrap = |usage: &str| {
        format!(
            r#"{{"id":"msg_1","time":"2026-06-01T00:00:00Z","model":"claude","type":"message","usage":{usage}}}"#
        )
    };
    check(
        "anthropic",
        wrap,
        r#"
        {"input_tokens":10,"output_tokens":5} | input=10 output=5
        {"input_tokens":10,"cache_creation_input_tokens":200,"cache_read_input_tokens":3000,"output_tokens":5,"service_tier":"standard"} | input=10 cache_read=3000 cache_write=200 output=5
        {"input_tokens":10,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"output_tokens":5} | input=10 output=5
        {"input_tokens":10,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},"output_tokens":5,"output_tokens_details":{"thinking_tokens":2}} | input=10 cache_write=3 cache_write_1h=4 output=3 reasoning=2
        {"input_tokens":10,"cache_creation_input_tokens":8,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},"output_tokens":5} | quantities: cache_write: usage.cache_creation_input_tokens and written_5m + written_1h state different counts of the same
        {"input_tokens":10,"output_tokens":5,"server_tool_use":{"web_search_requests":2,"web_fetch_requests":1}} | input=10 output=5 web_search=2
        {"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":6,"output_tokens":2,"cache_read_input_tokens":0,"cache_creation_input_tokens":0},{"type":"message","input_tokens":4,"output_tokens":3,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}]} | input=10 output=5
        {"input_tokens":10,"output_tokens":5,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":20,"cache_read_input_tokens":3,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_1h_input_tokens":4,"ephemeral_5m_input_tokens":5}},{"type":"message","input_tokens":10,"output_tokens":5,"cache_read_input_tokens":0}]} | input=110 cache_read=3 cache_write=5 cache_write_1h=4 output=25
        {"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":11,"output_tokens":5}]} | quantities: input: usage.input_tokens and sum(usage.iterations[type='message'].input_tokens) state different counts of the same
        {"input_tokens":10,"output_tokens":5,"iterations":[{"type":"advisor_message","model":"other","input_tokens":7,"output_tokens":1},{"type":"message","input_tokens":10,"output_tokens":5}]} | usage.iterations[type='advisor_message'].input_tokens: is 7, and the mapping does not account for it
        {"input_tokens":10,"output_tokens":5,"cache_creation":{"ephemeral_24h_input_tokens":4}} | usage.cache_creation.ephemeral_24h_input_tokens: is 4, and the mapping does not account for it
        {"output_tokens":5} | quantities: input: usage.input_tokens: is missing"#,
    );
    for (usage, tier) in [
        ("", ""),
        (r#""service_tier":"standard","speed":"standard","inference_geo":"not_available","#, ""),
        (r#""service_tier":"priority","#, "priority"),
        (r#""service_tier":"batch","inference_geo":"global","#, "batch"),
        (r#""speed":"fast","#, "fast"),
        (r#""inference_geo":"us","#, "us"),
        (r#""service_tier":"new","#, "new,standard,global"),
    ] {
        let usage =
            usage_of("anthropic", &wrap(&format!(r#"{{{usage}"input_tokens":10,"output_tokens":5}}"#)));
        assert_eq!(usage.service_tier, tier);
    }
    let line = r#"{"time":1780272000,"custom_id":"q","result":{"type":"succeeded","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":10,"output_tokens":5,"service_tier":"batch"}}}}"#;
    let usage = usage_of("anthropic-batch", line);
    assert_eq!(
        (fields(&usage)[5], usage.time_s, used(Ok(Some(usage.clone())))),
        ("batch", 1_780_272_000, "input=10 output=5".into())
    );
    check(
        "anthropic-batch",
        str::to_owned,
        r#"
        {"custom_id":"q","result":{"type":"errored","error":{"type":"error"}}} | skipped
        {"custom_id":"q","result":{"type":"expired"}} | skipped"#,
    );
    let line = r#"{"type":"assistant","timestamp":"2026-06-01T00:00:00.9Z","requestId":"r","uuid":"u","message":{"id":"msg_1","model":"claude","stop_reason":null,"usage":{"input_tokens":2,"output_tokens":418,"cache_read_input_tokens":15030,"cache_creation_input_tokens":8655,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":8655},"service_tier":"standard"}}}"#;
    let usage = usage_of("claude-code", line);
    assert_eq!((fields(&usage)[0], usage.time_s), ("msg_1", 1_780_272_000));
    assert_eq!(used(Ok(Some(usage))), "cache_read=15030 cache_write_1h=8655 input=2 output=418");
    check(
        "claude-code",
        str::to_owned,
        r#"
        {"type":"user","timestamp":"2026-06-01T00:00:00Z","message":{"role":"user","content":"hi"}} | skipped
        {"type":"summary","summary":"s","leafUuid":"u"} | skipped
        {"type":"assistant","timestamp":"2026-06-01T00:00:00Z","message":{"id":"m","model":"<synthetic>","usage":{"input_tokens":0,"output_tokens":0}}} | skipped"#,
    );
    let page = r#"{"data":[{"starting_at":"2026-06-01T00:00:00Z","ending_at":"2026-06-02T00:00:00Z","results":[{"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,"ephemeral_5m_input_tokens":500},"cache_read_input_tokens":200,"output_tokens":500,"server_tool_use":{"web_search_requests":10},"api_key_id":"apikey_1","workspace_id":"wrkspc_1","model":"claude-opus-4-6","service_tier":"batch","context_window":"0-200k"}]}],"has_more":false}"#;
    let usage = usage_of("anthropic-usage", page);
    assert_eq!(fields(&usage)[1..6], ["anthropic", "claude-opus-4-6", "apikey_1", "", "batch"]);
    assert_eq!(
        used(Ok(Some(usage))),
        "cache_read=200 cache_write=500 cache_write_1h=1000 input=1500 output=500 web_search=10"
    );
}

#[test]
fn gemini_modalities_are_divided() {
    let wrap = |usage: &str| {
        format!(
            r#"{{"candidates":[{{"index":0}}],"responseId":"r-1","createTime":"2026-06-01T00:00:00Z","modelVersion":"gemini-2.5-flash","usageMetadata":{usage}}}"#
        )
    };
    check(
        "gemini",
        wrap,
        r#"
        {"promptTokenCount":100,"candidatesTokenCount":20,"totalTokenCount":120} | input=100 output=20
        {"promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":30,"totalTokenCount":150,"promptTokensDetails":[{"modality":"TEXT","tokenCount":100}]} | input=100 output=20 reasoning=30
        {"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":20,"totalTokenCount":120,"promptTokensDetails":[{"modality":"TEXT","tokenCount":40},{"modality":"AUDIO","tokenCount":50},{"modality":"VIDEO","tokenCount":10}],"cacheTokensDetails":[{"modality":"TEXT","tokenCount":30},{"modality":"AUDIO","tokenCount":30}]} | input=20 input_audio=20 cache_read=30 cache_audio_read=30 output=20
        {"promptTokenCount":10,"toolUsePromptTokenCount":90,"candidatesTokenCount":20,"totalTokenCount":120,"toolUsePromptTokensDetails":[{"modality":"TEXT","tokenCount":90}]} | input=100 output=20
        {"promptTokenCount":10,"candidatesTokenCount":1310,"totalTokenCount":1320,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":20},{"modality":"IMAGE","tokenCount":1290}]} | input=10 output=20 output_image=1290
        {"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30,"promptTokensDetails":[{"modality":"SMELL","tokenCount":4}]} | usageMetadata.promptTokensDetails[modality='SMELL'].tokenCount: is 4, and the mapping does not account for it
        {"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":31} | quantities: add up to 30, but the record says 31
        {"candidatesTokenCount":20} | quantities: input: usageMetadata.promptTokenCount: is missing"#,
    );
    let library = r#"{"response_id":"r-2","create_time":"2026-06-01T00:00:00Z","model_version":"gemini-3-pro","candidates":[{"grounding_metadata":{"web_search_queries":["a","b"]}}],"usage_metadata":{"prompt_token_count":100,"candidates_token_count":20,"total_token_count":120,"prompt_tokens_details":[{"modality":"AUDIO","token_count":30}],"traffic_type":"ON_DEMAND_FLEX"}}"#;
    let usage = usage_of("gemini", library);
    assert_eq!(fields(&usage), ["r-2", "google", "gemini-3-pro", "k", "", "flex", ""]);
    assert_eq!(used(Ok(Some(usage))), "input=70 input_audio=30 output=20 web_search=2");
}

#[test]
fn bedrock_invocation_logs_are_read() {
    let wrap = |rest: &str| {
        format!(
            r#"{{"schemaType":"ModelInvocationLog","schemaVersion":"1.0","timestamp":"2026-06-01T00:00:00Z","accountId":"1","region":"us-east-1","requestId":"r-1","operation":"Converse","modelId":"us.anthropic.claude-sonnet-4-5-20250929-v1:0",{rest}}}"#
        )
    };
    check(
        "bedrock",
        wrap,
        r#"
        "input":{"inputTokenCount":32},"output":{"outputTokenCount":12} | input=32 output=12
        "input":{"inputTokenCount":3,"cacheReadInputTokenCount":100,"cacheWriteInputTokenCount":25037},"output":{"outputTokenCount":13,"outputBodyJson":{"usage":{"input_tokens":3,"output_tokens":13,"cache_read_input_tokens":100,"cache_creation_input_tokens":25037,"cache_creation":{"ephemeral_5m_input_tokens":37,"ephemeral_1h_input_tokens":25000}}}} | input=3 cache_read=100 cache_write=37 cache_write_1h=25000 output=13
        "input":{"inputTokenCount":3,"cacheWriteInputTokenCount":9},"output":{"outputTokenCount":13,"outputBodyJson":{"usage":{"inputTokens":3,"outputTokens":13,"totalTokens":25,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":9}]}}} | input=3 cache_write_1h=9 output=13
        "input":{"inputTokenCount":3},"output":{"outputTokenCount":13,"outputBodyJson":{"usage":{"inputTokens":4}}} | quantities: input: input.inputTokenCount and body_input state different counts of the same
        "input":{"inputBodyJson":{}},"output":{"outputBodyJson":{"images":["x","y"]}} | image=2
        "input":{"inputBodyJson":{}},"errorCode":"ThrottlingException" | skipped"#,
    );
    let usage = usage_of(
        "bedrock",
        &wrap(
            r#""inferenceRegion":"us-west-2","input":{"inputTokenCount":32},"output":{"outputTokenCount":12}"#,
        ),
    );
    assert_eq!(
        fields(&usage)[1..],
        ["aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "k", "", "", "us-west-2"]
    );
}

#[test]
fn litellm_rows_are_split() {
    let wrap = |rest: &str| {
        format!(
            r#"{{"request_id":"r","call_type":"acompletion","api_key":"88dc","spend":0.1,"startTime":"2026-06-01T00:00:00.123000","endTime":"2026-06-01T00:00:01Z","model":"gpt","custom_llm_provider":"openai",{rest}}}"#
        )
    };
    check(
        "litellm",
        wrap,
        r#"
        "total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"metadata":{} | input=10 output=20
        "total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"metadata":{"usage_object":null},"cache_hit":"False" | input=10 output=20
        "total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"metadata":{"usage_object":{"completion_tokens":20,"prompt_tokens":10,"total_tokens":30,"completion_tokens_details":null,"prompt_tokens_details":null}} | input=10 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"prompt_tokens_details":{"cached_tokens":64,"text_tokens":36},"completion_tokens_details":{"reasoning_tokens":15,"text_tokens":5}}} | input=36 cache_read=64 output=5 reasoning=15
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"cache_creation_input_tokens":5,"cache_read_input_tokens":50}} | input=45 cache_read=50 cache_write=5 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"cache_creation_input_tokens":5,"cache_read_input_tokens":50,"prompt_tokens_details":{"cached_tokens":50,"cache_creation_tokens":5,"cache_creation_token_details":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":4}}}} | input=45 cache_read=50 cache_write=1 cache_write_1h=4 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"additional_usage_values":{"cache_creation_input_tokens":5,"cache_read_input_tokens":50}} | input=45 cache_read=50 cache_write=5 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"cache_read_input_tokens":50,"prompt_tokens_details":{"cached_tokens":51}}} | quantities: cache_read: metadata.usage_object.prompt_tokens_details.cached_tokens and metadata.usage_object.cache_read_input_tokens state different counts of the same
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":"{\"usage_object\":{\"prompt_tokens_details\":{\"cached_tokens\":64}}}" | input=36 cache_read=64 output=20
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"prompt_tokens_details":{"audio_tokens":10,"image_tokens":7,"web_search_requests":2},"completion_tokens_details":{"audio_tokens":3,"image_tokens":4}}} | input=83 input_audio=10 input_image=7 output=13 output_audio=3 output_image=4 web_search=2
        "total_tokens":120,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"odd_tokens":3}} | metadata.usage_object.odd_tokens: is 3, and the mapping does not account for it
        "total_tokens":350,"prompt_tokens":100,"completion_tokens":20,"metadata":{"usage_object":{"completion_tokens_details":{"reasoning_tokens":230}}} | input=100 output=20 reasoning=230
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"response":{"data":[{"url":"a"},{"b64_json":"b"}]} | image=2
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"usage_object":{"seconds":12.6}} | input_second=13
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0 | request=1
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"batch_successful_requests":4} | request=4
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"status":"failure","spend":0 | spend: occurs twice
        "total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"status":"failure" | input=10 output=20
        "total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"cache_hit":"True" | skipped
        "total_tokens":31,"prompt_tokens":10,"completion_tokens":20 | quantities: add up to 30, but the record says 31"#,
    );
    check(
        "litellm",
        |rest| wrap(rest).replace(r#""spend":0.1"#, r#""spend":0.0"#),
        r#"
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"status":"failure" | skipped
        "total_tokens":0,"prompt_tokens":0,"completion_tokens":0,"metadata":{"status":"failure"} | skipped"#,
    );
    let row = wrap(
        r#""total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"metadata":{"user_api_key_alias":"Key 1","usage_object":{}}"#,
    );
    let payload = r#"{"id":"r","call_type":"acompletion","response_cost":0.1,"status":"success","custom_llm_provider":"openai","total_tokens":30,"prompt_tokens":10,"completion_tokens":20,"startTime":1780272000.123,"model":"gpt","cache_hit":null,"metadata":{"user_api_key_hash":"88dc","user_api_key_alias":"Key 1","usage_object":{}}}"#;
    assert_eq!(usage_of("litellm", payload), usage_of("litellm", &row));
    assert_eq!(fields(&usage_of("litellm", &row)), ["r", "openai", "gpt", "88dc", "Key 1", "", ""]);
    let batch = row.replace("acompletion", "aretrieve_batch");
    assert_eq!(usage_of("litellm", &batch).service_tier, "batch");
}

#[test]
fn new_api_logs_are_split() {
    let wrap = |rest: &str| {
        format!(
            r#"{{"id":5,"user_id":1,"created_at":1780272000,"type":2,"content":"","username":"u","token_name":"Key 1","model_name":"gpt","quota":15096,"prompt_tokens":100,"completion_tokens":20,"use_time":3,"is_stream":true,"channel":1,"token_id":68,"group":"default","request_id":"r-1",{rest}}}"#
        )
    };
    check(
        "new-api",
        wrap,
        r#"
        "other":"" | input=100 output=20
        "other":"{\"model_ratio\":0.15,\"group_ratio\":1,\"completion_ratio\":4,\"cache_tokens\":60,\"cache_ratio\":0.1,\"model_price\":-1,\"frt\":800}" | input=40 cache_read=60 output=20
        "other":{"claude":true,"cache_tokens":600,"cache_creation_tokens":50,"cache_creation_tokens_5m":20,"cache_creation_tokens_1h":30,"cache_write_tokens":50} | input=100 cache_read=600 cache_write=20 cache_write_1h=30 output=20
        "other":{"usage_semantic":"anthropic","cache_tokens":600,"cache_creation_tokens":50} | input=100 cache_read=600 cache_write=50 output=20
        "other":{"cache_tokens":60,"cache_creation_tokens":30} | input=10 cache_read=60 cache_write=30 output=20
        "other":{"audio":true,"audio_input":30,"text_input":70,"audio_output":15,"text_output":5} | input=70 input_audio=30 output=5 output_audio=15
        "other":{"image":true,"image_ratio":2,"image_output":40} | input=60 input_image=40 output=20
        "other":{"image":true,"image_ratio":1,"image_output":40} | input=100 output=20
        "other":{"tool_surcharges":[{"name":"web_search","count":2,"price":10},{"name":"file_search","count":1,"price":2.5}]} | input=100 output=20 web_search=2 file_search=1
        "other":{"tool_surcharges":[{"name":"odd","count":2,"price":10}]} | other.tool_surcharges[name='odd'].count: is 2, and the mapping does not account for it
        "other":{"cache_tokens":101} | quantities: input: is less than 0
        "other":{"odd_tokens":7} | other.odd_tokens: is 7, and the mapping does not account for it"#,
    );
    let usage = usage_of("new-api", &wrap(r#""other":"""#));
    assert_eq!(fields(&usage), ["r-1", "", "gpt", "68", "Key 1", "", ""]);
    check("new-api", |rest| wrap(rest).replace(r#""type":2"#, r#""type":5"#), r#""other":"" | skipped"#);
    let row = r#"{"id":5,"created_at":1780272000,"type":2,"model_name":"gpt","quota":9,"prompt_tokens":10,"completion_tokens":2,"token_name":"Key 1"}"#;
    assert_eq!(fields(&usage_of("one-api", row)), ["5", "", "gpt", "Key 1", "Key 1", "", ""]);
}

#[test]
fn spans_are_read_by_the_names_of_each_convention() {
    let wrap = |attributes: &str| {
        format!(
            r#"{{"name":"chat gpt","context":{{"trace_id":"0x1","span_id":"0x2","trace_state":"[]"}},"start_time":"2026-06-01T00:00:00.000001Z","end_time":"2026-06-01T00:00:01.000001Z","attributes":{{{attributes}}}}}"#
        )
    };
    check(
        "otel-genai",
        wrap,
        r#"
        "gen_ai.request.model":"gpt","gen_ai.system":"openai","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20 | input=100 output=20
        "gen_ai.response.model":"gpt-1","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20,"gen_ai.usage.cache_read.input_tokens":50,"gen_ai.usage.cache_creation.input_tokens":25,"gen_ai.usage.reasoning.output_tokens":12 | input=25 cache_read=50 cache_write=25 output=8 reasoning=12
        "gen_ai.request.model":"e","gen_ai.usage.input_tokens":8 | input=8
        "gen_ai.request.model":"gpt","gen_ai.usage.prompt_tokens":412,"gen_ai.usage.completion_tokens":27,"llm.usage.total_tokens":439 | input=412 output=27
        "gen_ai.request.model":"gpt","gen_ai.usage.input_tokens":412,"gen_ai.usage.prompt_tokens":412,"gen_ai.usage.output_tokens":27,"gen_ai.usage.total_tokens":439,"gen_ai.usage.cache_read_input_tokens":256,"gen_ai.usage.cache_creation_input_tokens":0,"gen_ai.usage.reasoning_tokens":8 | input=156 cache_read=256 output=19 reasoning=8
        "llm.model_name":"gpt","llm.token_count.prompt":412,"llm.token_count.completion":27,"llm.token_count.total":439,"llm.token_count.prompt_details.cache_read":256,"llm.token_count.prompt_details.audio":6,"llm.token_count.completion_details.reasoning":8,"openinference.span.kind":"LLM","llm.cost.total":0.1 | input=150 cache_read=256 input_audio=6 output=19 reasoning=8
        "gen_ai.request.model":"gpt","gen_ai.usage.input_tokens":412,"gen_ai.usage.output_tokens":27,"gen_ai.usage.prompt_tokens_details.cached_tokens":256,"gen_ai.usage.completion_tokens_details.reasoning_tokens":8,"gen_ai.usage.cost":0.001 | input=156 cache_read=256 output=19 reasoning=8
        "langfuse.observation.type":"generation","langfuse.observation.model.name":"gpt","langfuse.observation.usage_details":"{\"input\":156,\"output\":19,\"input_cached_tokens\":256,\"output_reasoning_tokens\":8,\"total\":439}" | input=156 cache_read=256 output=19 reasoning=8
        "ai.operationId":"ai.generateText.doGenerate","ai.model.id":"gpt","ai.usage.promptTokens":412,"ai.usage.completionTokens":27,"gen_ai.usage.input_tokens":412,"gen_ai.usage.output_tokens":27 | input=412 output=27
        "ai.operationId":"ai.streamText.doStream","ai.model.id":"gpt","ai.usage.inputTokens":412,"ai.usage.outputTokens":27,"ai.usage.totalTokens":439,"ai.usage.cachedInputTokens":256,"ai.usage.reasoningTokens":8 | input=156 cache_read=256 output=19 reasoning=8
        "ai.operationId":"ai.streamText","ai.model.id":"gpt","ai.usage.inputTokens":412,"ai.usage.outputTokens":27 | skipped
        "gen_ai.request.model":"claude","gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":2,"gen_ai.usage.cache_read.input_tokens":50,"gen_ai.usage.total_tokens":62 | input=10 cache_read=50 output=2
        "gen_ai.request.model":"claude","gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":2,"gen_ai.usage.cache_read.input_tokens":50 | quantities: input: is less than 0
        "gen_ai.request.model":"grok","gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":2,"gen_ai.usage.reasoning_tokens":50,"gen_ai.usage.total_tokens":62 | input=10 output=2 reasoning=50
        "gen_ai.request.model":"gpt","gen_ai.usage.input_tokens":10,"gen_ai.usage.prompt_tokens":11 | quantities: input: attributes.`gen_ai.usage.input_tokens` and attributes.`gen_ai.usage.prompt_tokens` state different counts of the same
        "gen_ai.request.model":"gpt","gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":1,"gen_ai.usage.odd":3 | attributes.gen_ai.usage.odd: is 3, and the mapping does not account for it
        "gen_ai.request.model":"gpt","gen_ai.operation.name":"chat" | quantities: input: attributes.gen_ai.usage.input_tokens: is missing
        "gen_ai.request.model":"dall-e-3","gen_ai.operation.name":"image" | request=1
        "gen_ai.request.model":"gpt","gen_ai.operation.name":"invoke_agent","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":20 | skipped
        "openinference.span.kind":"AGENT","llm.token_count.prompt":412 | skipped
        "http.request.method":"GET" | skipped"#,
    );
    let failed = wrap(r#""gen_ai.request.model":"gpt","gen_ai.operation.name":"chat""#).replacen(
        '{',
        r#"{"status":{"status_code":"ERROR"},"#,
        1,
    );
    check("otel-genai", str::to_owned, &format!("{failed} | skipped"));
    let usage = usage_of(
        "otel-genai",
        &wrap(
            r#""gen_ai.request.model":"gpt","gen_ai.provider.name":"openai","gen_ai.openai.response.service_tier":"flex","gen_ai.usage.input_tokens":1"#,
        ),
    );
    assert_eq!(fields(&usage), ["0x1-0x2", "openai", "gpt", "k", "", "flex", ""]);
}
