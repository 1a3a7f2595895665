//! The provider itself: what it says of itself, what it gives for a code or a refresh token, and whom it stands for. All of it is verified
//! here; whatever it answers, and if it never does, takes a bounded time and a bounded memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chiffon_kernel::verbs::Context;
use chiffon_process::bounded;
use chiffon_protocol::{ErrorCode, Problem};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AsyncHttpClient, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EmptyExtraTokenFields, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields,
    IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
    SubjectIdentifier, UserInfoClaims, UserInfoError,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::claims::Claims;
use crate::domain::settings::Settings;

/// One answer of the provider takes no longer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);
/// All answers that one sign-in or refresh takes, together.
const ALL_WITHIN: Duration = Duration::from_secs(20);
/// What it says of itself, and its keys, are asked for again after this.
const KNOWN_FOR: Duration = Duration::from_mins(5);
const LONGEST_ANSWER_BYTES: usize = 1024 * 1024;
/// Signatures that its keys make, which are public. What is signed with our own secret, or not at all, is signed by nobody.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 10] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EcdsaP521Sha512,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims of any name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Any(Map<String, Value>);

impl AdditionalClaims for Any {}

type Fields = IdTokenFields<Any, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Refused = StandardErrorResponse<CoreErrorResponseType>;
type Known = Client<
    Any,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    Refused,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why the provider did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It is away, slow, or says what nobody can read: the same may work later.
    Away(String),
    /// It refuses, or what it says does not hold: the same never will.
    Refused(String),
}

/// What the provider gave.
#[derive(Debug)]
pub struct Given {
    /// Whom it stands for.
    pub claims: Claims,
    /// With what it is asked again, where it gave that.
    pub refresh_token: Option<SecretString>,
    /// The ID token, where it gave one.
    pub id_token: Option<SecretString>,
}

/// Where a browser is sent, and what it has to come back with.
#[derive(Debug)]
pub struct Sent {
    /// The provider's page.
    pub url: String,
    /// What comes back with the browser.
    pub state: SecretString,
    /// What the ID token repeats.
    pub nonce: String,
    /// What shows that the code is ours.
    pub pkce_verifier: String,
}

#[derive(Debug)]
struct Described {
    client: Known,
    logout: Option<EndSessionUrl>,
    at: Duration,
}

/// A provider that is configured.
pub struct Provider {
    settings: Settings,
    secret: Option<ClientSecret>,
    issuer: IssuerUrl,
    transport: Transport,
    described: Mutex<Option<Arc<Described>>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Body(#[from] bounded::ReadError<reqwest::Error>),
    #[error("{0}")]
    Form(#[from] openidconnect::http::Error),
}

impl Provider {
    /// One with these settings. Nothing is asked yet: it may be away.
    pub fn new(settings: Settings) -> Result<Self, Problem> {
        let refuse = |why: String| Problem::new(ErrorCode::InvalidParameters, why);
        settings.check().map_err(refuse)?;
        let secret = settings.client_secret().map_err(refuse)?.map(ClientSecret::new);
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|why| refuse(format!("oidc.issuer: {why}")))?;
        // Where it leads is what is configured: nobody's answer sends us elsewhere.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWERS_WITHIN)
            .build()
            .map_err(|why| refuse(format!("oidc: no HTTP client can be made: {why}")))?;
        Ok(Self { settings, secret, issuer, transport: Transport(http), described: Mutex::default() })
    }

    /// What is configured.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a browser is sent that is to come back to this address.
    pub async fn send(&self, context: &Context, redirect_uri: &str) -> Result<Sent, Failure> {
        let described = self.described(context).await?;
        let redirect = redirect(redirect_uri)?;
        let client = described.client.clone().set_redirect_uri(redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (url, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(Sent {
            url: self.shown(url)?,
            state: state.into_secret().into(),
            nonce: nonce.secret().clone(),
            pkce_verifier: verifier.into_secret(),
        })
    }

    /// Whom a code stands for, with which a browser came back.
    pub async fn redeem(&self, context: &Context, code: &str, nonce: &str, verifier: String, redirect_uri: &str) -> Result<Given, Failure> {
        let work = async {
            let described = self.described(context).await?;
            let client = described.client.clone().set_redirect_uri(redirect(redirect_uri)?);
            let tokens = client
                .exchange_code(AuthorizationCode::new(code.to_owned()))
                .map_err(|why| Failure::Away(why.to_string()))?
                .set_pkce_verifier(PkceCodeVerifier::new(verifier))
                .request_async(&self.transport)
                .await
                .map_err(|error| token_failure(&error))?;
            let nonce = Nonce::new(nonce.to_owned());
            self.given(&client, &tokens, Some(&nonce), None).await
        };
        bounded_by(work).await
    }

    /// Whether the provider still stands for somebody, and as whom.
    pub async fn refresh(&self, context: &Context, refresh_token: String, subject: &str) -> Result<Given, Failure> {
        let work = async {
            let described = self.described(context).await?;
            let tokens = described
                .client
                .exchange_refresh_token(&RefreshToken::new(refresh_token))
                .map_err(|why| Failure::Away(why.to_string()))?
                .request_async(&self.transport)
                .await
                .map_err(|error| token_failure(&error))?;
            self.given(&described.client, &tokens, None, Some(subject)).await
        };
        bounded_by(work).await
    }

    /// Where a browser is sent to sign out there, too; `None` where the provider has no such page.
    pub async fn sign_out(&self, context: &Context, id_token: &str, back: &str) -> Result<Option<String>, Failure> {
        let described = bounded_by(self.described(context)).await?;
        let Some(logout) = described.logout.clone() else { return Ok(None) };
        let back = PostLogoutRedirectUrl::new(back.to_owned()).map_err(|why| Failure::Refused(why.to_string()))?;
        let mut url = LogoutRequest::from(logout)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(back)
            .http_get_url();
        url.query_pairs_mut().append_pair("id_token_hint", id_token);
        self.shown(url).map(Some)
    }

    /// An address to which a browser is sent: one of a page, as well kept as the provider itself.
    fn shown(&self, url: reqwest::Url) -> Result<String, Failure> {
        if url.scheme() == "https" || url.scheme() == self.issuer.url().scheme() {
            return Ok(url.into());
        }
        Err(Failure::Away(format!("names an address that is not https ({}://\u{2026})", url.scheme())))
    }

    /// Whom these tokens stand for, verified: signature, issuer, audience, expiry and nonce by the library, and that it is who it was.
    async fn given(&self, client: &Known, tokens: &Tokens, nonce: Option<&Nonce>, expected: Option<&str>) -> Result<Given, Failure> {
        let id_token = tokens.extra_fields().id_token();
        let mut told = Vec::new();
        let mut subject = expected.map(ToOwned::to_owned);
        if let Some(id_token) = id_token {
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            // A refreshed one need not repeat the nonce: https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse.
            let check = |given: Option<&Nonce>| {
                nonce.map_or(Ok(()), |nonce| {
                    if given.map(Nonce::secret) == Some(nonce.secret()) { Ok(()) } else { Err("it is another one's".to_owned()) }
                })
            };
            let claims = id_token.claims(&verifier, check).map_err(|error| {
                self.forget();
                Failure::Refused(format!("gave an ID token that does not hold: {}", with_causes(&error)))
            })?;
            let is_same = subject.as_deref().is_none_or(|expected| expected == claims.subject().as_str());
            if !is_same {
                return Err(Failure::Refused("stands for somebody else now".to_owned()));
            }
            subject = Some(claims.subject().to_string());
            told.push(object(claims));
        } else if expected.is_none() {
            return Err(Failure::Refused("gave no ID token".to_owned()));
        }
        let subject = subject.unwrap_or_default();
        let has = |claim: &str| told.iter().any(|told| told.contains_key(claim));
        if !(has(&self.settings.name_claim) && has(&self.settings.groups_claim))
            && let Some(more) = self.user_info(client, tokens.access_token(), &subject).await?
        {
            told.push(more);
        }
        Ok(Given {
            claims: Claims::read(&self.settings, &subject, &told),
            refresh_token: tokens.refresh_token().map(|token| token.secret().clone().into()),
            id_token: id_token.map(|token| token.to_string().into()),
        })
    }

    /// What the provider tells beside the ID token, of the same subject.
    async fn user_info(&self, client: &Known, token: &AccessToken, subject: &str) -> Result<Option<Map<String, Value>>, Failure> {
        if client.user_info_url().is_none() {
            return Ok(None);
        }
        let asked = client
            .user_info(token.clone(), Some(SubjectIdentifier::new(subject.to_owned())))
            .map_err(|why| Failure::Away(why.to_string()))?
            .request_async(&self.transport)
            .await;
        let claims: UserInfoClaims<Any, CoreGenderClaim> = asked.map_err(|error| match &error {
            UserInfoError::ClaimsVerification(why) => Failure::Refused(format!("tells of somebody else: {}", with_causes(why))),
            other => Failure::Away(with_causes(other)),
        })?;
        Ok(Some(object(&claims)))
    }

    /// What it says of itself, as known for a while.
    async fn described(&self, context: &Context) -> Result<Arc<Described>, Failure> {
        let now = context.clock.elapsed();
        if let Some(known) = self.known().filter(|known| now.saturating_sub(known.at) < KNOWN_FOR) {
            return Ok(known);
        }
        let asked = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.transport).await;
        let metadata = asked.map_err(|error| match &error {
            DiscoveryError::Validation(why) => Failure::Away(format!("calls itself by another name than `oidc.issuer` ({why})")),
            other => Failure::Away(with_causes(other)),
        })?;
        let logout = metadata.additional_metadata().end_session_endpoint.clone();
        let client = Client::from_provider_metadata(metadata, ClientId::new(self.settings.client_id.clone()), self.secret.clone());
        let described = Arc::new(Described { client, logout, at: now });
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&described));
        Ok(described)
    }

    fn known(&self) -> Option<Arc<Described>> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its keys may be others by now.
    fn forget(&self) {
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Our own HTTP, in the place of the library's: it follows nobody, and reads to a bound.
struct Transport(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = Unsent;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unsent>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = bounded::body(response.bytes_stream(), LONGEST_ANSWER_BYTES).await?;
            let mut answer = openidconnect::http::Response::builder().status(status).body(body)?;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}

fn redirect(uri: &str) -> Result<RedirectUrl, Failure> {
    RedirectUrl::new(uri.to_owned()).map_err(|why| Failure::Refused(format!("can't send anybody back to `{uri}` ({why})")))
}

async fn bounded_by<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let too_slow = || Err(Failure::Away(format!("did not answer all within {} s", ALL_WITHIN.as_secs())));
    tokio::time::timeout(ALL_WITHIN, work).await.unwrap_or_else(|_| too_slow())
}

/// All claims by their names.
fn object(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(claims)) => claims,
        _ => Map::new(),
    }
}

/// Only what says of the code or the token that it does not count is a refusal; a client that is not known there is ours to set right.
fn token_failure(error: &RequestTokenError<Unsent, Refused>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(refused) if *refused.error() == CoreErrorResponseType::InvalidGrant => {
            let why = refused.error_description().map_or_else(|| "invalid_grant".to_owned(), |why| why.chars().take(200).collect());
            Failure::Refused(format!("does not take it any more ({})", why.escape_debug()))
        }
        RequestTokenError::ServerResponse(refused) => {
            let word: String = refused.error().as_ref().chars().take(60).collect();
            Failure::Away(format!(
                "refuses this client ({}); `oidc.client_id` and its secret are to be those that it knows",
                word.escape_debug()
            ))
        }
        other => Failure::Away(with_causes(other)),
    }
}

/// An error with what is behind it, to a bound: what a provider says is not ours.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(behind) = cause {
        let more = behind.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = behind.source();
    }
    text.chars().take(400).flat_map(char::escape_debug).collect()
}
