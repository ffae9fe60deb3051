//! P6: a company's own servers, inside its network.

use super::world::{DOORS, Door, World};
use super::{DIRECT, Turns, told};
use crate::support::server::json as answer;
use crate::support::tls::Certificate;
use broker::http::{Http, Reach, Roots};

/// This machine is the one private network that every machine has, and `localhost` its only name.
#[tokio::test]
async fn p6_a_companys_own_server_is_reached_through_every_door_under_its_own_name_only() {
    let certificate = Certificate::of(&["localhost", "mcp.corp.example"]);
    let roots = Roots::from_pem(certificate.pem.as_bytes()).unwrap();
    for door in DOORS {
        for (private, host, reached) in [
            ("localhost", "localhost", true),
            ("mcp.corp.example,LOCALHOST", "localhost", true),
            ("", "localhost", false),
            ("mcp.corp.example", "localhost", false),
            ("localhost", "mcp.corp.example", false),
            // It is in a private network, but not this machine.
            ("mcp.corp.example", "mcp.corp.example", false),
        ] {
            let (world, names) = (World::new().await, Turns::new(&[&["127.0.0.1"]]));
            let server = certificate.serve(host, async |_| answer(200, "{}")).await;
            let http = Http::resolving(Reach::Loopback, names)
                .admitting(private.parse().unwrap(), &roots)
                // Who is inside is not named twice; the servers that name the URL are at this one.
                .only("127.0.0.1,mcp.corp.example".parse().unwrap());
            let error = world.knock(door, &format!("{}/token", server.url), &http).await;
            let told = error.map_err(|error| told(&*error)).err().unwrap_or_default();
            // A challenge leads to its own server only.
            let open = reached && door != Door::ChallengeElsewhere;
            assert_eq!(!server.asked().is_empty(), open, "{door:?} {private} {host}: {told}");
        }
    }
}

#[tokio::test]
async fn p6_an_address_is_nobodys_name_and_plain_http_is_not_spoken_inside() {
    let certificate = Certificate::of(&["localhost"]);
    let roots = Roots::from_pem(certificate.pem.as_bytes()).unwrap();
    let server = certificate.serve("localhost", async |_| answer(200, "{}")).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let http = Http::new(Reach::Public).admitting("localhost".parse().unwrap(), &roots);
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://localhost.:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.1:{port}/"),
    ] {
        let request = http::Request::get(&url).body(Vec::new()).unwrap();
        assert!(http.send(request).await.is_err(), "{url}");
    }
    assert!(server.asked().is_empty());
    let request = http::Request::get(&server.url).body(Vec::new()).unwrap();
    assert_eq!(http.send(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn p6_where_a_cloud_speaks_is_not_dialled_under_a_companys_name_either() {
    for address in ["169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"] {
        let names = Turns::new(&[&[address]]);
        let http = Http::resolving(Reach::Public, names.clone());
        let private = "localhost,mcp.corp.example,metadata.google.internal";
        let http = http.admitting(private.parse().unwrap(), &Roots::default());
        for host in private.split(',') {
            for door in DIRECT {
                let url = format!("https://{host}/token");
                let error = World::new().await.knock(door, &url, &http).await.unwrap_err();
                let told = told(&*error);
                let refused = ["was not sent", "do not fit together"];
                assert!(refused.iter().any(|word| told.contains(word)), "{door:?} {url}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn p6_a_redirect_of_a_companys_own_server_is_not_followed() {
    let certificate = Certificate::of(&["localhost"]);
    let roots = Roots::from_pem(certificate.pem.as_bytes()).unwrap();
    let elsewhere = certificate.serve("localhost", async |_| answer(200, "{}")).await;
    let location = elsewhere.url.clone();
    let server = certificate
        .serve("localhost", move |_| {
            let answer = http::Response::builder().status(307).header("location", &location);
            let answer = answer.body(axum::body::Body::empty()).unwrap();
            async { answer }
        })
        .await;
    let http = Http::new(Reach::Public).admitting("localhost".parse().unwrap(), &roots);
    let request = http::Request::post(&server.url).body(b"secret".to_vec()).unwrap();
    assert_eq!(http.send(request).await.unwrap().status(), 307);
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn p6_a_certificate_is_believed_by_who_was_told_of_it_and_for_its_own_name() {
    let (told, other) = (Certificate::of(&["localhost"]), Certificate::of(&["localhost"]));
    let elsewhere = Certificate::of(&["mcp.corp.example"]);
    let roots = format!("{}{}", told.pem, elsewhere.pem);
    let roots = Roots::from_pem(roots.as_bytes()).unwrap();
    let private = "localhost".parse().unwrap();
    let http = Http::new(Reach::Public).admitting(private, &roots);
    for (certificate, believed) in [(&told, true), (&other, false), (&elsewhere, false)] {
        let server = certificate.serve("localhost", async |_| answer(200, "{}")).await;
        let request = http::Request::get(&server.url).body(Vec::new()).unwrap();
        assert_eq!(http.send(request).await.is_ok(), believed);
        assert_eq!(server.asked().len(), usize::from(believed));
    }
}
